//! What a webhook says: the task as GraphQL names it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::domain::{Credits, Failure, Image, ImageVariant, Task, Timestamp};
use crate::links::Links;

/// An event of a task, which happened `at`. Links are minted `now`, so that they are never dead.
pub(super) fn message(task: &Task, at: Timestamp, links: &Links, now: Timestamp) -> Value {
    let (state, request) = (&task.state, &task.request);
    let images: Vec<Value> = task.images.iter().map(|each| image(each, links, now)).collect();
    json!({
        "type": format!("task.{}", state.status.name().to_ascii_lowercase()),
        "timestamp": moment(at),
        "data": {
            "id": task.id.to_string(),
            "kind": request.kind,
            "status": state.status,
            "prompt": request.prompt,
            "model": { "id": task.model },
            "requestedImages": request.count,
            "images": images,
            "failure": state.failure.as_ref().map(failure),
            "cost": {
                "reserved": state.reserved.as_f64(),
                "settled": state.settled.map(Credits::as_f64),
            },
            "version": state.version,
            "metadata": task.metadata,
            "createdAt": moment(task.created_at),
            "submittedAt": state.submitted_at.map(moment),
            "completedAt": state.completed_at.map(moment),
            "updatedAt": moment(state.updated_at),
        },
    })
}

fn image(image: &Image, links: &Links, now: Timestamp) -> Value {
    let link = links.image(image, ImageVariant::Original, now);
    json!({
        "id": image.id.to_string(),
        "url": link.url,
        "urlExpiresAt": moment(link.expires_at),
        "width": image.width,
        "height": image.height,
        "contentType": image.media_type.content_type(),
        "byteSize": image.byte_size,
        "sha256": hex::encode(image.sha256),
        "thumbhash": STANDARD.encode(&image.thumbhash),
    })
}

fn failure(failure: &Failure) -> Value {
    json!({
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.code.retryable(),
        "advice": failure.code.advice(),
    })
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
