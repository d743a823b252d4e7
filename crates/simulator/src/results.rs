//! The pretended result store: draws the picture when its link is followed.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;

use super::art::{Encoding, Picture, draw};
use super::script::{Answers, ResultMode};
use super::world::{SimTask, World};

const HUGE_BYTES: usize = 60 * 1024 * 1024;
const LATE: Answers = Answers { code: 404, times: 2 };
/// Nothing is there, and nothing may be asked there.
const PRIVATE_LINK: &str = "http://10.255.255.1/secret.png";

pub(super) fn router() -> Router<World> {
    Router::new().route("/results/{file}", get(result))
}

/// Where the images of a task are; none when the script says so.
pub(super) fn links(task: &SimTask, base: &str) -> Vec<String> {
    let link = |n| match task.script.result {
        ResultMode::Private => PRIVATE_LINK.to_owned(),
        _ => format!("{base}/results/{}-{n}.{}", task.id, if task.png { "png" } else { "jpg" }),
    };
    let images = if task.script.result == ResultMode::None { 0 } else { task.images };
    (0..images).map(link).collect()
}

async fn result(State(world): State<World>, Path(file): Path<String>) -> Response {
    let parts = file.split_once('.').and_then(|(name, _)| name.split_once('-'));
    let task = parts.and_then(|(id, n)| Some((world.task(id)?, n.parse::<u32>().ok()?)));
    let Some((task, number)) = task else { return StatusCode::NOT_FOUND.into_response() };
    match task.script.result {
        ResultMode::Gone => StatusCode::NOT_FOUND.into_response(),
        ResultMode::Late if world.answers(&file, Some(LATE)).is_some() => {
            StatusCode::NOT_FOUND.into_response()
        }
        ResultMode::Page => Html("<h1>This is no image</h1>").into_response(),
        ResultMode::Huge => vec![0_u8; HUGE_BYTES].into_response(),
        ResultMode::Redirect => Redirect::temporary(PRIVATE_LINK).into_response(),
        mode => picture(task, number, mode == ResultMode::Cut).await,
    }
}

async fn picture(task: SimTask, number: u32, cut: bool) -> Response {
    let content_type = if task.png { "image/png" } else { "image/jpeg" };
    let drawn = tokio::task::spawn_blocking(move || {
        let encoding = if task.png { Encoding::Png } else { Encoding::Jpeg };
        // Tasks of one prompt are siblings, not twins.
        let variation =
            task.id.bytes().fold(number, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte));
        let (width, height) = (task.width.max(1), task.height.max(1));
        draw(&Picture { prompt: &task.prompt, variation, width, height }, encoding)
    });
    let Ok(bytes) = drawn.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let end = if cut { bytes.len() / 2 } else { bytes.len() };
    ([(header::CONTENT_TYPE, content_type)], Bytes::from(bytes).slice(..end)).into_response()
}
