//! The tools as clients see them: names, descriptions for the model, schemas.

use std::sync::{Arc, LazyLock};

use rmcp::handler::server::common::schema_for_type;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde_json::Value;

use super::arguments::{EditImage, GenerateImage, GetTask, ListTasks, Nothing, WaitForTask};
use super::view::{CreditsView, ModelList, TaskList, TaskView};

/// All tools.
pub(super) static TOOLS: LazyLock<[Tool; 7]> = LazyLock::new(|| {
    [
        ordering::<GenerateImage>(
            "generate_image",
            "Generate an image",
            "Makes pictures from words. Costs credits. Waits for the result (up to wait_seconds) and \
             answers with a small copy and a link to the full picture; when it is not done by then, call \
             wait_for_task with the id. The same arguments return the same task and are paid for once, so \
             repeating a call is safe.",
        ),
        ordering::<EditImage>(
            "edit_image",
            "Edit an image",
            "Changes given pictures as the words say, or combines them. Costs credits. Waits and answers \
             like generate_image; repeating a call is safe.",
        ),
        reading::<GetTask, TaskView>(
            "get_task",
            "Look at a task",
            "Says where a task stands, with fresh links to its pictures. Answers at once.",
        ),
        reading::<WaitForTask, TaskView>(
            "wait_for_task",
            "Wait for a task",
            "Waits until a task is over (up to wait_seconds) and answers like get_task. Call it again while \
             the task still runs.",
        ),
        reading::<ListTasks, TaskList>(
            "list_tasks",
            "List tasks",
            "Lists the person's tasks, newest first, with links to their pictures.",
        ),
        reading::<Nothing, CreditsView>(
            "get_credits",
            "Look at the credits",
            "Says how many credits are left: the person's allowance, and the accounts at the providers. \
             One credit is $0.005.",
        ),
        reading::<Nothing, ModelList>(
            "list_models",
            "List the models",
            "Lists the models: what each can do, what it costs, and whether it is available now.",
        ),
    ]
});

/// Spends credits, but never twice for the same call.
fn ordering<A: JsonSchema + 'static>(
    name: &'static str,
    title: &str,
    description: &'static str,
) -> Tool {
    let hints = ToolAnnotations::with_title(title)
        .read_only(false)
        .destructive(false)
        .idempotent(true)
        .open_world(true);
    tool::<A, TaskView>(name, title, description, hints)
}

fn reading<A: JsonSchema + 'static, R: JsonSchema + 'static>(
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

/// Closed: an argument that no tool knows is a mistake to tell of.
fn input_schema<A: JsonSchema + 'static>() -> Arc<JsonObject> {
    let mut schema = schema_for_type::<A>().as_ref().clone();
    schema.remove("title");
    schema.remove("description");
    let properties = schema.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    for property in properties.as_object_mut().into_iter().flat_map(JsonObject::values_mut) {
        forget_null(property);
    }
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    Arc::new(schema)
}

/// What may be left out may also be null, but saying so confuses some clients.
fn forget_null(property: &mut Value) {
    if let Some(values) = property.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    let types = property.get("type").and_then(Value::as_array);
    let present = types.and_then(|types| types.iter().find(|each| *each != "null")).cloned();
    if let Some(present) = present {
        property["type"] = present;
    }
}
