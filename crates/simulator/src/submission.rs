//! Handles a submission of any provider.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::callbacks;
use super::dialect::Dialect;
use super::inputs;
use super::script::{CallbackMode, Script, SubmissionFault};
use super::state::{SimTask, SimulatorState};
use super::wire::{authorized, base_url, broken_connection};

const HANG_DURATION: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// A submission, independent of the provider's API.
pub(super) struct SubmissionRequest {
    pub(super) dialect: Dialect,
    pub(super) prompt: String,
    /// URLs of the images to edit.
    pub(super) inputs: Vec<String>,
    pub(super) images: u32,
    pub(super) size: (u32, u32),
    pub(super) png: bool,
    pub(super) callback_url: Option<String>,
    /// Price of all images.
    pub(super) cost: f64,
    /// The validation error that the real provider would return.
    pub(super) validation_error: Option<&'static str>,
}

pub(super) async fn submit(
    state: &SimulatorState,
    headers: &HeaderMap,
    request: SubmissionRequest,
) -> Response {
    let dialect = request.dialect;
    let permitted = state.may_submit(dialect.provider());
    if !authorized(headers) {
        return dialect.reject(401, None);
    }
    if request.validation_error.is_some() {
        return dialect.reject(422, request.validation_error);
    }
    if !permitted {
        return dialect.reject(429, None);
    }
    let mut script = Script::read(&request.prompt);
    let about = format!("submit {}", request.callback_url.as_deref().unwrap_or(&request.prompt));
    if let Some(code) = state.next_error(&about, script.submit) {
        let rejection = dialect.reject(code, None);
        return match script.retry_after {
            Some(seconds) => {
                ([(header::RETRY_AFTER, seconds.to_string())], rejection).into_response()
            }
            None => rejection,
        };
    }
    if let Some(response) = inject_fault(&script, dialect) {
        return response;
    }
    if !inputs::are_fetchable(state, &request.inputs).await {
        script.fail = Some(501);
    }
    let task = new_task(state, request, script);
    if !state.accept_task(&task) {
        return dialect.reject(402, None);
    }
    accept(state, &task, headers).await
}

/// Faults that do not accept the submission.
fn inject_fault(script: &Script, dialect: Dialect) -> Option<Response> {
    Some(match script.submission_fault? {
        SubmissionFault::RequestLost => broken_connection(),
        SubmissionFault::BadGateway => {
            (StatusCode::BAD_GATEWAY, Html("<h1>Bad gateway</h1>")).into_response()
        }
        SubmissionFault::Blocked => (StatusCode::FORBIDDEN, "error code: 1010").into_response(),
        SubmissionFault::CreditsAs429 if dialect == Dialect::AceData => dialect.reject(402, None),
        SubmissionFault::CreditsAs429 => {
            dialect.reject(429, Some("The current credits are insufficient. Please top up."))
        }
        _ => return None,
    })
}

async fn accept(state: &SimulatorState, task: &SimTask, headers: &HeaderMap) -> Response {
    let base = base_url(headers);
    if task.script.callback == CallbackMode::Early {
        callbacks::send(state, task, &base).await;
    } else {
        callbacks::schedule(state, task.clone(), base.clone());
    }
    match task.script.submission_fault {
        Some(SubmissionFault::ResponseLost) => broken_connection(),
        Some(SubmissionFault::Hang) => {
            state.sleep_until(state.now() + HANG_DURATION).await;
            broken_connection()
        }
        Some(SubmissionFault::TruncatedJson) => "{\"code\":200,\"msg\":\"succ".into_response(),
        _ => task.dialect.accept(state, task, &base),
    }
}

fn new_task(state: &SimulatorState, request: SubmissionRequest, script: Script) -> SimTask {
    let images = script.partial.map_or(request.images, |limit| limit.min(request.images));
    let is_immediate = script.callback == CallbackMode::Early || script.inline;
    SimTask {
        id: SimulatorState::new_id(),
        dialect: request.dialect,
        prompt: request.prompt,
        images,
        width: request.size.0,
        height: request.size.1,
        png: request.png,
        callback_url: request.callback_url,
        created_at: state.now(),
        // An early callback reports a finished task.
        done_at: if is_immediate { state.now() } else { state.done_at(&script) },
        // Only delivered images are billed.
        cost: request.cost * f64::from(images) / f64::from(request.images),
        script,
    }
}
