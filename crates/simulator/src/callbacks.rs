//! Calling back: 15 seconds of patience, three retries, and every way to get it wrong.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::dialect::Outgoing;
use super::script::CallbackMode;
use super::world::{SimTask, World};

const PATIENCE: Duration = Duration::from_secs(15);
const RETRIES: u32 = 3;
const LATE: TimeDelta = TimeDelta::seconds(45);

/// Calls back when the task is done, in the background.
pub(super) fn schedule(world: &World, task: SimTask, base: String) {
    let world = world.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "a provider calls back whatever becomes of its caller"
    )]
    tokio::spawn(async move {
        if task.script.callback == CallbackMode::Forged {
            forge(&world, &task).await;
        }
        let late = task.script.callback == CallbackMode::Late;
        let at = if late { task.done_at + LATE } else { task.done_at };
        world.sleep_until(at).await;
        send(&world, &task, &base).await;
    });
}

/// Takes up the callbacks that were due when the simulator ended.
pub(super) fn resume(world: &World) {
    for task in world.unfinished() {
        // Who asks for the record gets fresh links, so the base in the callback matters little.
        schedule(world, task, "http://127.0.0.1".to_owned());
    }
}

/// Calls back now, as often as the script says.
pub(super) async fn send(world: &World, task: &SimTask, base: &str) {
    let Some(url) = &task.callback_url else { return };
    let outgoing = task.dialect.callback(world, task, base);
    let times = match task.script.callback {
        CallbackMode::Lost => 0,
        CallbackMode::Repeated => 3,
        CallbackMode::Garbage => {
            post(world, url, "this is no JSON".to_owned(), &[]).await;
            post(world, url, json!({ "hello": "world" }).to_string(), &[]).await;
            1
        }
        _ => 1,
    };
    for _ in 0..times {
        deliver(world, url, &outgoing).await;
    }
}

async fn deliver(world: &World, url: &str, outgoing: &Outgoing) {
    for attempt in 0..=RETRIES {
        if post(world, url, outgoing.body.to_string(), &outgoing.headers).await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
    }
}

async fn post(world: &World, url: &str, body: String, headers: &[(&'static str, String)]) -> bool {
    let mut request = world.http().post(url).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = request.timeout(PATIENCE).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Strangers who have seen the path, and strangers who guess it, claim success.
async fn forge(world: &World, task: &SimTask) {
    let Some(url) = &task.callback_url else { return };
    let link = "http://10.255.255.1/not-yours.png";
    let claim = |id: &str| task.dialect.forgery(id, link).to_string();
    post(world, url, claim("somebody-elses-task"), &[]).await;
    post(world, url, claim(&task.id), &[]).await;
    post(world, &format!("{url}x"), claim(&task.id), &[]).await;
}
