//! The body of a webhook message.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::domain::{Task, Timestamp};
use crate::links::Links;
use crate::task_view::TaskView;

/// The body for a task event of the time `at`. Links are signed at `now`, so that they are valid
/// when the message is sent.
pub(super) fn event_body(task: &Task, at: Timestamp, links: &Links, now: Timestamp) -> Value {
    json!({
        "type": format!("task.{}", task.state.status.name().to_ascii_lowercase()),
        "timestamp": rfc3339(at),
        "data": TaskView::new(task, links, now),
    })
}
