//! Calling back: 15 seconds of patience, three retries, and every way to get it wrong.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::nano_banana::{message, record};
use super::results;
use super::script::CallbackMode;
use super::world::{Generation, SimTask, World};

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
    let body = body(world, task, base);
    let times = match task.script.callback {
        CallbackMode::Lost => 0,
        CallbackMode::Repeated => 3,
        CallbackMode::Garbage => {
            post(world, url, "this is no JSON".to_owned()).await;
            post(world, url, json!({ "hello": "world" }).to_string()).await;
            1
        }
        _ => 1,
    };
    for _ in 0..times {
        deliver(world, url, &body).await;
    }
}

async fn deliver(world: &World, url: &str, body: &Value) {
    for attempt in 0..=RETRIES {
        if post(world, url, body.to_string()).await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
    }
}

async fn post(world: &World, url: &str, body: String) -> bool {
    let request = world.http().post(url).header("content-type", "application/json").body(body);
    let answer = request.timeout(PATIENCE).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Strangers who have seen the path, and strangers who guess it, claim success.
async fn forge(world: &World, task: &SimTask) {
    let Some(url) = &task.callback_url else { return };
    let claim = |id: &str| {
        let info = json!({ "resultImageUrl": "http://10.255.255.1/not-yours.png" });
        json!({ "code": 200, "msg": "ok", "data": { "taskId": id, "info": info } }).to_string()
    };
    post(world, url, claim("somebody-elses-task")).await;
    post(world, url, claim(&task.id)).await;
    post(world, &format!("{url}x"), claim(&task.id)).await;
}

/// Shape A for the first generation, B for the second, C (seen by clients only) for pro.
fn body(world: &World, task: &SimTask, base: &str) -> Value {
    if task.generation != Generation::First {
        return json!({ "code": 200, "msg": "success", "data": record(world, task, base) });
    }
    if let Some(code) = task.failure() {
        json!({ "code": code, "msg": message(code), "data": { "taskId": task.id, "info": null } })
    } else {
        let data = json!({ "taskId": task.id, "info": results::links(task, base) });
        json!({ "code": 200, "msg": "Image generated successfully.", "data": data })
    }
}
