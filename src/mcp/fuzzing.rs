//! Arguments of tools, read from any bytes.

use rmcp::model::JsonObject;

use super::arguments::{self, EditImage, GenerateImage, GetTask, ListTasks, WaitForTask};
use super::listing;
use crate::fuzzing::text;

/// Arguments: they are accepted, or refused with a message that names the argument.
pub fn tool_arguments(bytes: &[u8]) {
    let Some(Ok(call)) = text(bytes).map(serde_json::from_str::<JsonObject>) else { return };
    let schema = |name: &str| {
        let tool = listing::TOOLS.iter().find(|tool| tool.name == name);
        tool.map(|tool| tool.input_schema.as_ref().clone()).unwrap_or_default()
    };
    let _ = arguments::parse::<GenerateImage>(Some(call.clone()), &schema("generate_image"));
    let _ = arguments::parse::<EditImage>(Some(call.clone()), &schema("edit_image"));
    let _ = arguments::parse::<GetTask>(Some(call.clone()), &schema("get_task"));
    let _ = arguments::parse::<WaitForTask>(Some(call.clone()), &schema("wait_for_task"));
    let _ = arguments::parse::<ListTasks>(Some(call), &schema("list_tasks"));
}
