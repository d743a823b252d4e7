//! Idempotency keys, so that a repeated call is not paid twice.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::domain::TaskId;

/// Derives the key of a call: the same tool and arguments give the same key. `after` is the task of
/// an earlier identical call that ended without images; it gives the retry a new key.
pub(super) fn key(tool: &str, arguments: &impl Serialize, after: Option<TaskId>) -> String {
    let after = after.map(|task| task.to_string());
    let mut input = json!({ "tool": tool, "arguments": arguments, "after": after });
    if let Some(arguments) = input["arguments"].as_object_mut() {
        // A different wait does not change the request.
        arguments.remove("wait_seconds");
    }
    format!("mcp-{}", hex::encode(Sha256::digest(input.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::mcp::arguments::{EditImage, GenerateImage};

    fn generate(arguments: Value, after: Option<TaskId>) -> String {
        let arguments: GenerateImage = serde_json::from_value(arguments).unwrap();
        key("generate_image", &arguments, after)
    }

    #[test]
    fn the_same_arguments_have_the_same_key_in_any_order_and_with_any_wait() {
        let first = generate(json!({ "prompt": "a plantain", "count": 2 }), None);
        assert_eq!(
            first,
            generate(json!({ "count": 2, "prompt": "a plantain", "wait_seconds": 3 }), None)
        );
        assert_eq!(
            first,
            generate(json!({ "prompt": "a plantain", "count": 2, "model": null }), None)
        );
        assert_eq!(first.len(), "mcp-".len() + 64);
    }

    #[test]
    fn another_prompt_variation_price_or_earlier_task_has_another_key() {
        let first = generate(json!({ "prompt": "a plantain" }), None);
        for other in [
            json!({ "prompt": "a banana" }),
            json!({ "prompt": "a plantain", "variation": "2" }),
            json!({ "prompt": "a plantain", "max_credits": 5 }),
        ] {
            assert_ne!(first, generate(other, None));
        }
        let after = |number| Some(TaskId(Uuid::from_u128(number)));
        let second = generate(json!({ "prompt": "a plantain" }), after(1));
        assert_ne!(first, second);
        assert_ne!(second, generate(json!({ "prompt": "a plantain" }), after(2)));
    }

    #[test]
    fn an_edit_has_another_key_for_other_images() {
        let edit = |link: &str| {
            let arguments = json!({ "prompt": "make it night", "images": [link] });
            let arguments: EditImage = serde_json::from_value(arguments).unwrap();
            key("edit_image", &arguments, None)
        };
        assert_eq!(edit("https://a.example/1.png"), edit("https://a.example/1.png"));
        assert_ne!(edit("https://a.example/1.png"), edit("https://a.example/2.png"));
    }
}
