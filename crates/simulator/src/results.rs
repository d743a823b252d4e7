//! The simulated result store: draws an image when its URL is requested.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;

use super::art::{Encoding, Picture, draw};
use super::script::{InjectedError, ResultMode};
use super::state::{SimTask, SimulatorState};

const OVERSIZED_BYTES: usize = 60 * 1024 * 1024;
const LATE_RESULT: InjectedError = InjectedError { code: 404, times: 2 };
/// A URL at an unused private address.
const PRIVATE_LINK: &str = "http://10.255.255.1/secret.png";

pub(super) fn router() -> Router<SimulatorState> {
    Router::new().route("/results/{file}", get(result))
}

/// URLs of a task's images; none with the marker `result=none`.
pub(super) fn links(task: &SimTask, base: &str) -> Vec<String> {
    let link = |n| match task.script.result {
        ResultMode::Private => PRIVATE_LINK.to_owned(),
        _ => format!("{base}/results/{}-{n}.{}", task.id, if task.png { "png" } else { "jpg" }),
    };
    let images = if task.script.result == ResultMode::None { 0 } else { task.images };
    (0..images).map(link).collect()
}

async fn result(State(state): State<SimulatorState>, Path(file): Path<String>) -> Response {
    state.results_released().await;
    let parts = file.split_once('.').and_then(|(name, _)| name.split_once('-'));
    let task = parts.and_then(|(id, n)| Some((state.task(id)?, n.parse::<u32>().ok()?)));
    let Some((task, number)) = task else { return StatusCode::NOT_FOUND.into_response() };
    match task.script.result {
        ResultMode::Gone => StatusCode::NOT_FOUND.into_response(),
        ResultMode::Late if state.next_error(&file, Some(LATE_RESULT)).is_some() => {
            StatusCode::NOT_FOUND.into_response()
        }
        ResultMode::Html => Html("<h1>This is not an image</h1>").into_response(),
        ResultMode::Oversized => vec![0_u8; OVERSIZED_BYTES].into_response(),
        ResultMode::Redirect => Redirect::temporary(PRIVATE_LINK).into_response(),
        mode => picture(task, number, mode == ResultMode::Truncated).await,
    }
}

async fn picture(task: SimTask, number: u32, cut: bool) -> Response {
    let content_type = if task.png { "image/png" } else { "image/jpeg" };
    let drawn = tokio::task::spawn_blocking(move || {
        let encoding = if task.png { Encoding::Png } else { Encoding::Jpeg };
        // Tasks of one prompt get similar images, not identical ones.
        let variation =
            task.id.bytes().fold(number, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte));
        let (width, height) = (task.width.max(1), task.height.max(1));
        draw(&Picture { prompt: &task.prompt, variation, width, height }, encoding)
    });
    let Ok(bytes) = drawn.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let end = if cut { bytes.len() / 2 } else { bytes.len() };
    ([(header::CONTENT_TYPE, content_type)], Bytes::from(bytes).slice(..end)).into_response()
}
