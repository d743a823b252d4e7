//! The body of a webhook message: a task with the field names of GraphQL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::domain::{Credits, Failure, Image, ImageVariant, Task, Timestamp};
use crate::links::Links;

/// The body for a task event that happened `at`. Links are signed `now`, so that they have not
/// expired.
pub(super) fn event_body(task: &Task, at: Timestamp, links: &Links, now: Timestamp) -> Value {
    let (state, request) = (&task.state, &task.request);
    let images: Vec<Value> = task.images.iter().map(|each| image(each, links, now)).collect();
    json!({
        "type": format!("task.{}", state.status.name().to_ascii_lowercase()),
        "timestamp": rfc3339(at),
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
            "createdAt": rfc3339(task.created_at),
            "submittedAt": state.submitted_at.map(rfc3339),
            "completedAt": state.completed_at.map(rfc3339),
            "updatedAt": rfc3339(state.updated_at),
        },
    })
}

fn image(image: &Image, links: &Links, now: Timestamp) -> Value {
    let link = links.image(image, ImageVariant::Original, now);
    json!({
        "id": image.id.to_string(),
        "url": link.url,
        "urlExpiresAt": rfc3339(link.expires_at),
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

fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
