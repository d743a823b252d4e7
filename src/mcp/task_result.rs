//! Results of tools about a task: text and thumbnails for the assistant, structured content for
//! programs.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

use super::McpServer;
use super::view::TaskReport;
use crate::causes::with_causes;
use crate::domain::{Credits, FailureCode, Image, ImageVariant, Status, Task};
use crate::image_store::VariantPath;
use crate::store::StoreError;
use crate::task_view::TaskView;

/// Maximum number of thumbnails in one result; all images have links.
const MAX_THUMBNAILS: usize = 4;
/// A slow image store must not prevent the result of a paid task.
const THUMBNAILS_TIMEOUT: Duration = Duration::from_secs(5);
/// A thumbnail of 256 pixels a side is far smaller.
const MAX_THUMBNAIL_BYTES: usize = 512 * 1024;

impl McpServer {
    /// The result of a generation: an error if the task ended without images.
    pub(super) async fn generation_result(
        &self,
        task: &Task,
        replayed: bool,
    ) -> Result<CallToolResult, StoreError> {
        let mut result = self.task_result(task, replayed).await?;
        let ended_without = matches!(task.state.status, Status::Failed | Status::Canceled);
        result.is_error = Some(ended_without);
        Ok(result)
    }

    /// The current state of the task.
    pub(super) async fn task_result(
        &self,
        task: &Task,
        replayed: bool,
    ) -> Result<CallToolResult, StoreError> {
        let view = self.task_report(task).await?;
        let mut content = vec![ContentBlock::text(task_text(task, &view, replayed))];
        let thumbnails = async {
            for image in task.images.iter().take(MAX_THUMBNAILS) {
                content.extend(self.thumbnail(image).await);
            }
        };
        // The result has the links; thumbnails that cannot be read in time are omitted.
        let _ = tokio::time::timeout(THUMBNAILS_TIMEOUT, thumbnails).await;
        Ok(structured(content, &view))
    }

    async fn task_report(&self, task: &Task) -> Result<TaskReport, StoreError> {
        let eta_seconds = self.seconds_left(task).await?;
        Ok(TaskReport { task: TaskView::new(task, &self.links, self.clock.now()), eta_seconds })
    }

    /// The thumbnail, or `None` when it cannot be read.
    async fn thumbnail(&self, image: &Image) -> Option<ContentBlock> {
        let path = image.path(ImageVariant::Thumbnail);
        let loaded = self.variants.load(VariantPath::parse(&path)?).await;
        let bytes = match loaded {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), image.id = %image.id, "reading a thumbnail failed, the result has only the link");
                return None;
            }
        };
        let content_type = image.format.content_type();
        (bytes.len() <= MAX_THUMBNAIL_BYTES)
            .then(|| ContentBlock::image(STANDARD.encode(&bytes), content_type))
    }
}

/// A result with the same data for assistants and for programs.
pub(super) fn structured(content: Vec<ContentBlock>, view: &impl Serialize) -> CallToolResult {
    let mut result = CallToolResult::success(content);
    // Serializing a view does not fail.
    result.structured_content = serde_json::to_value(view).ok();
    result
}

/// The text for the assistant.
fn task_text(task: &Task, view: &TaskReport, replayed: bool) -> String {
    let mut text = match task.state.status {
        Status::Succeeded => succeeded(task, view),
        Status::Failed => failed(task),
        Status::Canceled => format!("{} was canceled; it has no images.", task.id),
        Status::Unconfirmed => format!(
            "{} is UNCONFIRMED: the provider's response was lost, so it is unknown whether the provider \
             works on it. The gateway does not submit it again. Call wait_for_task with this id later, and \
             tell the person.",
            task.id
        ),
        _ => unfinished(task, view),
    };
    if replayed {
        text.push_str(
            "\nThis is the result of an earlier call with the same arguments, and nothing was paid again. For \
             another image of the same prompt, set `variation` to a new value.",
        );
    }
    text
}

fn succeeded(task: &Task, view: &TaskReport) -> String {
    let (made, asked) = (view.task.images.len(), task.spec.request.count);
    let mut text = format!("{} SUCCEEDED with {}: ", task.id, task.model);
    let _ = match made {
        1 if asked == 1 => write!(text, "the image is ready."),
        _ => write!(text, "{made} of {asked} images are ready."),
    };
    for image in &view.task.images {
        let (width, height) = (image.width, image.height);
        let (id, url, ends) = (&image.id, &image.url, &image.url_expires_at);
        let _ = write!(text, "\n- {id}, {width}×{height}: {url} (expires {ends})");
    }
    text.push_str(
        "\nGive the person the links; this result shows only thumbnails. get_task returns new links.",
    );
    text
}

fn failed(task: &Task) -> String {
    let Some(failure) = &task.state.failure else { return format!("{} FAILED.", task.id) };
    let again = if may_retry(task) {
        "Calling the tool again with the same arguments starts a new task."
    } else {
        "Calling the tool again with the same arguments returns this result again. Other arguments, or another `variation`, start a new task."
    };
    let advice = failure.code.advice();
    format!("{} FAILED: {} {again} Tell the person: {advice}", task.id, sentence(&failure.message))
}

/// Whether the same call starts another task: this one ended without images and without cost, and a
/// retry may succeed.
pub(super) fn may_retry(task: &Task) -> bool {
    let is_free = task.state.settled.is_none_or(|settled| settled == Credits::ZERO);
    let may_help = match (task.state.status, &task.state.failure) {
        (Status::Canceled, _) => true,
        (Status::Failed, Some(failure)) => {
            failure.code.retryable() && failure.code != FailureCode::SubmitUnconfirmed
        }
        _ => false,
    };
    is_free && may_help
}

fn unfinished(task: &Task, view: &TaskReport) -> String {
    let more = view.eta_seconds.map_or_else(String::new, |seconds| {
        format!(", and usually takes about {seconds} more seconds")
    });
    format!(
        "{} is still running: it is {}{more}. Call wait_for_task with this id again.",
        task.id, task.state.status
    )
}

fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
