//! Answers about a task: words and small pictures for the model, structure for programs.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

use super::Toolbox;
use super::view::TaskView;
use crate::blobs::VariantPath;
use crate::domain::{Credits, FailureCode, Image, ImageVariant, Status, Task};
use crate::store::StoreError;

/// Pictures shown in one answer; the others have their links.
const SHOWN: usize = 4;
/// What was paid for must not be lost with an image store that hangs.
const PICTURES_PATIENCE: Duration = Duration::from_secs(5);
/// A picture of 256 pixels a side is never near that.
const SHOWN_BYTES: usize = 512 * 1024;

impl Toolbox {
    /// What became of an order: an error unless it has pictures or may still get some.
    pub(super) async fn outcome(
        &self,
        task: &Task,
        replayed: bool,
    ) -> Result<CallToolResult, StoreError> {
        let mut result = self.report(task, replayed).await?;
        let ended_without = matches!(task.state.status, Status::Failed | Status::Canceled);
        result.is_error = Some(ended_without);
        Ok(result)
    }

    /// The task as it is.
    pub(super) async fn report(
        &self,
        task: &Task,
        replayed: bool,
    ) -> Result<CallToolResult, StoreError> {
        let view = TaskView::new(task, self.seconds_left(task).await?, &self.commands);
        let mut content = vec![ContentBlock::text(words(task, &view, replayed))];
        let pictures = async {
            for image in task.images.iter().take(SHOWN) {
                content.extend(self.small_picture(image).await);
            }
        };
        // The links serve when the pictures cannot be read in time.
        let _ = tokio::time::timeout(PICTURES_PATIENCE, pictures).await;
        Ok(structured(content, &view))
    }

    /// The link serves when the picture cannot be read.
    async fn small_picture(&self, image: &Image) -> Option<ContentBlock> {
        let path = image.path(ImageVariant::Thumbnail);
        let loaded = self.variants.load(VariantPath::parse(&path)?).await;
        let bytes = match loaded {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, image.id = %image.id, "a picture could not be shown");
                return None;
            }
        };
        let content_type = image.media_type.content_type();
        (bytes.len() <= SHOWN_BYTES)
            .then(|| ContentBlock::image(STANDARD.encode(&bytes), content_type))
    }
}

/// A result that holds the same for models and for programs.
pub(super) fn structured(content: Vec<ContentBlock>, view: &impl Serialize) -> CallToolResult {
    let mut result = CallToolResult::success(content);
    // What the views hold can be written as JSON.
    result.structured_content = serde_json::to_value(view).ok();
    result
}

/// What the model reads, and is to say.
fn words(task: &Task, view: &TaskView, replayed: bool) -> String {
    let mut text = match task.state.status {
        Status::Succeeded => succeeded(task, view),
        Status::Failed => failed(task),
        Status::Canceled => format!("{} was canceled; it has no picture to show.", task.id),
        Status::Unconfirmed => format!(
            "{} is UNCONFIRMED: the provider's answer was lost, so nobody knows yet whether it works on \
             it. It is not sent again by itself. Call wait_for_task with this id later, and tell the \
             person.",
            task.id
        ),
        _ => unfinished(task, view),
    };
    if replayed {
        text.push_str(
            "\nThis is what the same call made before, and nothing was paid again. For another picture \
             of the same words give `variation` another value.",
        );
    }
    text
}

fn succeeded(task: &Task, view: &TaskView) -> String {
    let (made, asked) = (view.images.len(), task.request.count);
    let mut text = format!("{} SUCCEEDED with {}: ", task.id, task.model);
    let _ = match made {
        1 if asked == 1 => write!(text, "the picture is ready."),
        _ => write!(text, "{made} of {asked} pictures are ready."),
    };
    for image in &view.images {
        let (width, height) = (image.width, image.height);
        let (id, url, ends) = (&image.id, &image.url, &image.url_expires_at);
        let _ = write!(text, "\n- {id}, {width}×{height}: {url} (good until {ends})");
    }
    text.push_str(
        "\nGive the person the links; what is shown here is a small copy. get_task gives fresh links.",
    );
    text
}

fn failed(task: &Task) -> String {
    let Some(failure) = &task.state.failure else { return format!("{} FAILED.", task.id) };
    let again = if may_try_anew(task) {
        "Calling the tool again with the same arguments tries anew."
    } else {
        "Calling the tool again with the same arguments gives this answer again; other arguments, or another `variation`, make another task."
    };
    let advice = failure.code.advice();
    format!("{} FAILED: {} {again} Tell the person: {advice}", task.id, sentence(&failure.message))
}

/// Whether the same call makes another task: the last one ended without a picture and without a price, and
/// the same words may do better.
pub(super) fn may_try_anew(task: &Task) -> bool {
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

fn unfinished(task: &Task, view: &TaskView) -> String {
    let more = view.eta_seconds.map_or_else(String::new, |seconds| {
        format!(", and usually takes about {seconds} seconds more")
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
