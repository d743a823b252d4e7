//! Sends callbacks, with a timeout of 15 seconds and three retries, and injects their faults.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::dialect::CallbackRequest;
use super::script::CallbackMode;
use super::state::{SimTask, SimulatorState};

const CALLBACK_TIMEOUT: Duration = Duration::from_secs(15);
const MAX_RETRIES: u32 = 3;
const LATE_CALLBACK_DELAY: TimeDelta = TimeDelta::seconds(45);

/// Sends the callback in the background when the task finishes.
pub(super) fn schedule(state: &SimulatorState, task: SimTask, base: String) {
    let state = state.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "a provider sends the callback even when its caller disconnects"
    )]
    tokio::spawn(async move {
        if task.script.callback == CallbackMode::Forged {
            forge(&state, &task).await;
        }
        let late = task.script.callback == CallbackMode::Late;
        let at = if late { task.done_at + LATE_CALLBACK_DELAY } else { task.done_at };
        state.sleep_until(at).await;
        send(&state, &task, &base).await;
    });
}

/// Schedules the callbacks of the tasks that were unfinished when the simulator stopped.
pub(super) fn resume(state: &SimulatorState) {
    for task in state.unfinished() {
        // A status query returns new URLs, so the base URL in the callback is not important.
        schedule(state, task, "http://127.0.0.1".to_owned());
    }
}

/// Sends the callback now: once, several times or never, as the markers require.
pub(super) async fn send(state: &SimulatorState, task: &SimTask, base: &str) {
    let Some(url) = &task.callback_url else { return };
    let callback = task.dialect.callback(state, task, base);
    let times = match task.script.callback {
        CallbackMode::Lost => 0,
        CallbackMode::Duplicate => 3,
        CallbackMode::Malformed => {
            post(state, url, "this is not JSON".to_owned(), &[]).await;
            post(state, url, json!({ "hello": "gateway" }).to_string(), &[]).await;
            1
        }
        _ => 1,
    };
    for _ in 0..times {
        deliver(state, url, &callback).await;
    }
}

async fn deliver(state: &SimulatorState, url: &str, callback: &CallbackRequest) {
    for attempt in 0..=MAX_RETRIES {
        if post(state, url, callback.body.to_string(), &callback.headers).await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
    }
}

async fn post(
    state: &SimulatorState,
    url: &str,
    body: String,
    headers: &[(&'static str, String)],
) -> bool {
    let mut request = state.http().post(url).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = request.timeout(CALLBACK_TIMEOUT).send().await;
    response.is_ok_and(|response| response.status().is_success())
}

/// Forged callbacks that report success: with the right path and with a guessed one.
async fn forge(state: &SimulatorState, task: &SimTask) {
    let Some(url) = &task.callback_url else { return };
    let link = "http://10.255.255.1/not-yours.png";
    let body = |id: &str| task.dialect.forgery(id, link).to_string();
    post(state, url, body("another-users-task"), &[]).await;
    post(state, url, body(&task.id), &[]).await;
    post(state, &format!("{url}x"), body(&task.id), &[]).await;
}
