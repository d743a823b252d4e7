//! The definitions of the tools: names, descriptions for the assistant, schemas.

use std::sync::{Arc, LazyLock};

use rmcp::handler::server::common::schema_for_type;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde_json::Value;

use super::arguments::{EditImage, GenerateImage, GetTask, ListTasks, NoArguments, WaitForTask};
use super::view::{CreditsView, ModelList, TaskList, TaskReport};

/// All tools.
pub(super) static TOOLS: LazyLock<[Tool; 7]> = LazyLock::new(|| {
    [
        generation_tool::<GenerateImage>(
            "generate_image",
            "Generate an image",
            "Generates images from a text prompt. Costs credits. Waits for the result (up to wait_seconds) \
             and returns a thumbnail and a link to the full image; if the task is not finished by then, \
             call wait_for_task with the id. The same arguments return the same task and are charged once, \
             so it is safe to repeat a call.",
        ),
        generation_tool::<EditImage>(
            "edit_image",
            "Edit an image",
            "Edits or combines the given images as the prompt says. Costs credits. Waits and responds like \
             generate_image; it is safe to repeat a call.",
        ),
        read_only_tool::<GetTask, TaskReport>(
            "get_task",
            "Get a task",
            "Returns the current state of a task, with new links to its images. Does not wait.",
        ),
        read_only_tool::<WaitForTask, TaskReport>(
            "wait_for_task",
            "Wait for a task",
            "Waits until a task is finished (up to wait_seconds) and responds like get_task. Call it again \
             while the task is still running.",
        ),
        read_only_tool::<ListTasks, TaskList>(
            "list_tasks",
            "List tasks",
            "Lists the person's tasks, newest first, with links to their images.",
        ),
        read_only_tool::<NoArguments, CreditsView>(
            "get_credits",
            "Get the credits",
            "Returns how many credits are left: in the person's quota, and in the accounts at the \
             providers. One credit is $0.005.",
        ),
        read_only_tool::<NoArguments, ModelList>(
            "list_models",
            "List the models",
            "Lists the models: their options, their prices, and whether they are available now.",
        ),
    ]
});

/// A tool that spends credits, but never twice for the same call.
fn generation_tool<A: JsonSchema + 'static>(
    name: &'static str,
    title: &str,
    description: &'static str,
) -> Tool {
    let hints = ToolAnnotations::with_title(title)
        .read_only(false)
        .destructive(false)
        .idempotent(true)
        .open_world(true);
    tool::<A, TaskReport>(name, title, description, hints)
}

fn read_only_tool<A: JsonSchema + 'static, R: JsonSchema + 'static>(
    name: &'static str,
    title: &str,
    description: &'static str,
) -> Tool {
    let hints = ToolAnnotations::with_title(title)
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    tool::<A, R>(name, title, description, hints)
}

fn tool<A: JsonSchema + 'static, R: JsonSchema + 'static>(
    name: &'static str,
    title: &str,
    description: &'static str,
    hints: ToolAnnotations,
) -> Tool {
    Tool::new(name, description, input_schema::<A>())
        .with_title(title)
        .with_annotations(hints)
        .with_output_schema::<R>()
}

/// The schema allows no additional properties, so that misspelled arguments are reported.
fn input_schema<A: JsonSchema + 'static>() -> Arc<JsonObject> {
    let mut schema = schema_for_type::<A>().as_ref().clone();
    schema.remove("title");
    schema.remove("description");
    let properties = schema.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    for property in properties.as_object_mut().into_iter().flat_map(JsonObject::values_mut) {
        remove_null(property);
    }
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    Arc::new(schema)
}

/// Optional arguments may be null, but a schema that allows null confuses some clients.
fn remove_null(property: &mut Value) {
    if let Some(values) = property.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    let types = property.get("type").and_then(Value::as_array);
    let present = types.and_then(|types| types.iter().find(|each| *each != "null")).cloned();
    if let Some(present) = present {
        property["type"] = present;
    }
}
