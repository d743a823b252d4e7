//! The wire of nanobananaapi.ai (`upstreams.md` sections 1 and 2).

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::callbacks;
use super::results;
use super::script::{Answers, Breakage, CallbackMode, ResultMode, Script};
use super::world::{Generation, SimTask, World};

const HANG: chrono::TimeDelta = chrono::TimeDelta::seconds(60);
/// Sizes of pictures: a third of the real ones, which is enough to look at and quick to draw.
const LONGEST_SIDES: [(&str, u32); 3] = [("1K", 768), ("2K", 1280), ("4K", 2048)];

pub(super) fn router() -> Router<World> {
    Router::new()
        .route("/api/v1/nanobanana/generate", post(generate))
        .route("/api/v1/nanobanana/generate-pro", post(generate_pro))
        .route("/api/v1/nanobanana/generate-2", post(generate_2))
        .route("/api/v1/nanobanana/record-info", get(record_info))
        .route("/api/v1/common/credit", get(credit))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    #[serde(default)]
    prompt: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    call_back_url: Option<String>,
    num_images: Option<u32>,
    #[serde(default)]
    image_urls: Vec<String>,
    /// The first generation calls the ratio so.
    #[serde(rename = "image_size")]
    image_size: Option<String>,
    aspect_ratio: Option<String>,
    resolution: Option<String>,
    output_format: Option<String>,
}

async fn generate(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submit(&world, &headers, Generation::First, body.0).await
}

async fn generate_pro(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submit(&world, &headers, Generation::Pro, body.0).await
}

async fn generate_2(
    State(world): State<World>,
    headers: HeaderMap,
    body: Json<Submission>,
) -> Response {
    submit(&world, &headers, Generation::Second, body.0).await
}

async fn submit(
    world: &World,
    headers: &HeaderMap,
    generation: Generation,
    body: Submission,
) -> Response {
    world.count(|counts| counts.submissions += 1);
    if !authorized(headers) {
        return envelope(401, "You do not have access permissions", &Value::Null);
    }
    if let Some(complaint) = invalid(generation, &body) {
        return envelope(422, complaint, &Value::Null);
    }
    let script = Script::read(&body.prompt);
    let about = format!("submit {}", body.call_back_url.as_deref().unwrap_or(&body.prompt));
    if let Some(code) = world.answers(&about, script.submit) {
        return refuse(code);
    }
    match script.breakage {
        Some(Breakage::NeverArrived) => return broken_connection(),
        Some(Breakage::BadGateway) => {
            return (StatusCode::BAD_GATEWAY, Html("<h1>Bad gateway</h1>")).into_response();
        }
        Some(Breakage::Blocked) => {
            return (StatusCode::FORBIDDEN, "error code: 1010").into_response();
        }
        Some(Breakage::CreditsAs429) => {
            return envelope(
                429,
                "The current credits are insufficient. Please top up.",
                &Value::Null,
            );
        }
        _ => {}
    }
    let task = new_task(world, generation, body, script);
    if !world.take(&task) {
        return envelope(402, "Credits insufficient", &Value::Null);
    }
    accept(world, &task, headers).await
}

async fn accept(world: &World, task: &SimTask, headers: &HeaderMap) -> Response {
    let base = base_url(headers);
    if task.script.callback == CallbackMode::Early {
        callbacks::send(world, task, &base).await;
    } else {
        callbacks::schedule(world, task.clone(), base);
    }
    match task.script.breakage {
        Some(Breakage::TakenUnanswered) => broken_connection(),
        Some(Breakage::Hang) => {
            world.sleep_until(world.now() + HANG).await;
            broken_connection()
        }
        Some(Breakage::Garbled) => "{\"code\":200,\"msg\":\"succ".into_response(),
        _ => envelope(200, "success", &json!({ "taskId": task.id })),
    }
}

/// The checks that the real one makes, as far as they are documented.
fn invalid(generation: Generation, body: &Submission) -> Option<&'static str> {
    if body.prompt.is_empty() {
        return Some("prompt cannot be empty");
    }
    if generation != Generation::First {
        return None;
    }
    match body.kind.as_deref() {
        Some("IMAGETOIAMGE") if body.image_urls.is_empty() => Some("imageUrls cannot be empty"),
        Some("TEXTTOIAMGE" | "IMAGETOIAMGE") => None,
        _ => Some("type is not within the range of allowed options"),
    }
}

fn new_task(world: &World, generation: Generation, body: Submission, script: Script) -> SimTask {
    let ratio = body.aspect_ratio.or(body.image_size);
    let resolution = body.resolution.as_deref().unwrap_or("1K");
    let (width, height) = size(ratio.as_deref().unwrap_or("1:1"), resolution);
    let images = body.num_images.unwrap_or(1).clamp(1, 4);
    let price = match (generation, resolution) {
        (Generation::First, _) => 4.0,
        (Generation::Second, "4K") | (Generation::Pro, "1K" | "2K") => 18.0,
        (Generation::Second, "2K") => 12.0,
        (Generation::Second, _) => 8.0,
        (Generation::Pro, _) => 24.0,
    };
    SimTask {
        id: world.new_id(),
        generation,
        prompt: body.prompt,
        images,
        width,
        height,
        png: body.output_format.as_deref() == Some("png"),
        callback_url: body.call_back_url,
        created_at: world.now(),
        // An early callback says that it is done, so it is.
        done_at: if script.callback == CallbackMode::Early {
            world.now()
        } else {
            world.done_at(&script)
        },
        cost: price * f64::from(images),
        script,
    }
}

fn size(ratio: &str, resolution: &str) -> (u32, u32) {
    let longest = LONGEST_SIDES.iter().find(|(name, _)| *name == resolution);
    let longest = longest.map_or(LONGEST_SIDES[0].1, |(_, side)| *side);
    let parts = ratio.split_once(':').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let (w, h): (u32, u32) = parts.filter(|(w, h)| *w > 0 && *h > 0).unwrap_or((1, 1));
    if w >= h { (longest, longest * h / w) } else { (longest * w / h, longest) }
}

async fn record_info(
    State(world): State<World>,
    headers: HeaderMap,
    Query(parameters): Query<std::collections::HashMap<String, String>>,
) -> Response {
    world.count(|counts| counts.queries += 1);
    if !authorized(&headers) {
        return envelope(401, "You do not have access permissions", &Value::Null);
    }
    let id = parameters.get("taskId").map(String::as_str).unwrap_or_default();
    let Some(task) = world.task(id).filter(|task| visible(&world, task)) else {
        return envelope(422, "recordInfo is null", &Value::Null);
    };
    if let Some(code) = world.answers(&format!("poll {id}"), task.script.poll) {
        return refuse(code);
    }
    envelope(200, "success", &record(&world, &task, &base_url(&headers)))
}

fn visible(world: &World, task: &SimTask) -> bool {
    let hidden = task.script.invisible.map(|times| Answers { code: 422, times });
    world.answers(&format!("see {}", task.id), hidden).is_none()
}

/// The record as it is now; also the body of the later generations' callbacks.
pub(super) fn record(world: &World, task: &SimTask, base: &str) -> Value {
    let done = task.done_at <= world.now();
    let (flag, code) = match (done, task.failure()) {
        (false, _) => (0, None),
        (true, Some(code)) => (if task.script.create_failed { 2 } else { 3 }, Some(code)),
        (true, None) => (task.script.flag.unwrap_or(1), None),
    };
    let response = (done && code.is_none()).then(|| {
        let mut response = results::links(task, base);
        if let Some(response) = response.as_object_mut() {
            response.insert("originImageUrl".to_owned(), Value::Null);
        }
        response
    });
    json!({
        "taskId": task.id,
        "paramJson": json!({ "prompt": task.prompt, "callBackUrl": task.callback_url }).to_string(),
        // Real ones come without a zone, and with hour 24.
        "completeTime": if done { "2026-03-02 24:15:09" } else { "" },
        "response": response,
        "successFlag": flag,
        "errorCode": code,
        "errorMessage": code.map(message),
        "operationType": format!("nano-banana_{:?}", task.generation).to_lowercase(),
        "createTime": task.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
    })
}

/// What the real ones say with a code.
pub(super) fn message(code: i64) -> &'static str {
    match code {
        400 => "Your prompt was flagged by Website as violating content policies.",
        401 => "You do not have access permissions",
        402 => "Credits insufficient",
        404 => "Not found",
        408 => "No result was returned for over 10 minutes",
        422 => "aspectRatio is not within the range of allowed options",
        429 => "Your call frequency is too high. Please try again later.",
        455 => "The server is currently undergoing maintenance",
        500 => "Internal error, please try again later.",
        501 => "Image generation task failed",
        505 => "This feature is currently disabled",
        _ => "Unknown error",
    }
}

async fn credit(State(world): State<World>, headers: HeaderMap) -> Response {
    if !authorized(&headers) {
        return envelope(401, "You do not have access permissions", &Value::Null);
    }
    envelope(200, "success", &json!(world.credits()))
}

/// Any key will do, except none and those that begin with `bad`.
fn authorized(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    !key.is_empty() && !key.starts_with("bad")
}

fn refuse(code: i64) -> Response {
    // Rate limits and unknown routes are real HTTP statuses; the rest hides in the body.
    let body = envelope(code, message(code), &Value::Null);
    match code {
        404 => (StatusCode::NOT_FOUND, body).into_response(),
        429 => (StatusCode::TOO_MANY_REQUESTS, body).into_response(),
        _ => body,
    }
}

/// HTTP 200, whatever the code says.
fn envelope(code: i64, message: &str, data: &Value) -> Response {
    Json(json!({ "code": code, "msg": message, "data": data })).into_response()
}

/// Announces a body and breaks off.
fn broken_connection() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<bytes::Bytes, _>(std::io::Error::other("broken on request"))
    });
    ([(header::CONTENT_LENGTH, "100")], Body::from_stream(broken)).into_response()
}

/// How the caller reached us, so that links survive a change of port.
fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("127.0.0.1"))
}

/// Whether the record names a link at all.
pub(super) fn names_links(task: &SimTask) -> bool {
    task.script.result != ResultMode::None
}
