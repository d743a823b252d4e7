//! Arguments of tools, read from any bytes.

use rmcp::model::{CallToolResult, JsonObject};
use serde::de::DeserializeOwned;

use super::arguments::{self, EditImage, GenerateImage, GetTask, ListTasks, WaitForTask};
use super::listing;
use crate::fuzzing::text;

/// Arguments: they are accepted, or refused with a message that names those that exist.
pub fn tool_arguments(bytes: &[u8]) {
    let Some(Ok(call)) = text(bytes).map(serde_json::from_str::<JsonObject>) else { return };
    read::<GenerateImage>("generate_image", &call);
    read::<EditImage>("edit_image", &call);
    read::<GetTask>("get_task", &call);
    read::<WaitForTask>("wait_for_task", &call);
    read::<ListTasks>("list_tasks", &call);
}

fn read<A: DeserializeOwned>(name: &str, call: &JsonObject) {
    let tool = listing::TOOLS.iter().find(|tool| tool.name == name);
    assert!(tool.is_some(), "there is no tool {name}");
    let schema = tool.map(|tool| tool.input_schema.as_ref().clone()).unwrap_or_default();
    if let Err(error) = arguments::parse::<A>(Some(call.clone()), &schema) {
        let known = schema["properties"].as_object().into_iter().flat_map(JsonObject::keys);
        let response = format!("{:?}", CallToolResult::from(error));
        assert!(known.into_iter().all(|name| response.contains(name.as_str())), "{response}");
    }
}
