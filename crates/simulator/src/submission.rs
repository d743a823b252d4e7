//! What happens to a submission, whatever its wire.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::callbacks;
use super::dialect::Dialect;
use super::inputs;
use super::script::{Breakage, CallbackMode, Script};
use super::wire::{authorized, base_url, broken_connection};
use super::world::{SimTask, World};

const HANG: chrono::TimeDelta = chrono::TimeDelta::seconds(60);

/// What a submission asks for.
pub(super) struct Wish {
    pub(super) dialect: Dialect,
    pub(super) prompt: String,
    /// Links of the images to edit.
    pub(super) inputs: Vec<String>,
    pub(super) images: u32,
    pub(super) size: (u32, u32),
    pub(super) png: bool,
    pub(super) callback_url: Option<String>,
    /// Of all images.
    pub(super) cost: f64,
    /// What the real one would find wrong with it.
    pub(super) complaint: Option<&'static str>,
}

pub(super) async fn submit(world: &World, headers: &HeaderMap, wish: Wish) -> Response {
    let dialect = wish.dialect;
    let permitted = world.may_submit(dialect.provider());
    if !authorized(headers) {
        return dialect.refuse(401, None);
    }
    if wish.complaint.is_some() {
        return dialect.refuse(422, wish.complaint);
    }
    if !permitted {
        return dialect.refuse(429, None);
    }
    let mut script = Script::read(&wish.prompt);
    let about = format!("submit {}", wish.callback_url.as_deref().unwrap_or(&wish.prompt));
    if let Some(code) = world.answers(&about, script.submit) {
        let refusal = dialect.refuse(code, None);
        return match script.patience {
            Some(seconds) => {
                ([(header::RETRY_AFTER, seconds.to_string())], refusal).into_response()
            }
            None => refusal,
        };
    }
    if let Some(misbehaviour) = misbehave(&script, dialect) {
        return misbehaviour;
    }
    if !inputs::can_be_had(world, &wish.inputs).await {
        script.fail = Some(501);
    }
    let task = new_task(world, wish, script);
    if !world.take(&task) {
        return dialect.refuse(402, None);
    }
    accept(world, &task, headers).await
}

/// Ways to not take a submission.
fn misbehave(script: &Script, dialect: Dialect) -> Option<Response> {
    Some(match script.breakage? {
        Breakage::NeverArrived => broken_connection(),
        Breakage::BadGateway => {
            (StatusCode::BAD_GATEWAY, Html("<h1>Bad gateway</h1>")).into_response()
        }
        Breakage::Blocked => (StatusCode::FORBIDDEN, "error code: 1010").into_response(),
        Breakage::CreditsAs429 if dialect == Dialect::AceData => dialect.refuse(402, None),
        Breakage::CreditsAs429 => {
            dialect.refuse(429, Some("The current credits are insufficient. Please top up."))
        }
        _ => return None,
    })
}

async fn accept(world: &World, task: &SimTask, headers: &HeaderMap) -> Response {
    let base = base_url(headers);
    if task.script.callback == CallbackMode::Early {
        callbacks::send(world, task, &base).await;
    } else {
        callbacks::schedule(world, task.clone(), base.clone());
    }
    match task.script.breakage {
        Some(Breakage::TakenUnanswered) => broken_connection(),
        Some(Breakage::Hang) => {
            world.sleep_until(world.now() + HANG).await;
            broken_connection()
        }
        Some(Breakage::Garbled) => "{\"code\":200,\"msg\":\"succ".into_response(),
        _ => task.dialect.accept(world, task, &base),
    }
}

fn new_task(world: &World, wish: Wish, script: Script) -> SimTask {
    let images = script.partial.map_or(wish.images, |some| some.min(wish.images));
    let at_once = script.callback == CallbackMode::Early || script.inline;
    SimTask {
        id: World::new_id(),
        dialect: wish.dialect,
        prompt: wish.prompt,
        images,
        width: wish.size.0,
        height: wish.size.1,
        png: wish.png,
        callback_url: wish.callback_url,
        created_at: world.now(),
        // An early callback says that it is done, so it is.
        done_at: if at_once { world.now() } else { world.done_at(&script) },
        // Only what is delivered is billed.
        cost: wish.cost * f64::from(images) / f64::from(wish.images),
        script,
    }
}
