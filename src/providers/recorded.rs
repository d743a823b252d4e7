//! What the tests of the dialects share: recorded bodies, and outcomes in a word.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use reqwest::StatusCode;

use super::http::Reply;
use super::{Answer, ApiClient, Callback, Delay, Submission, Submitted};
use crate::domain::{
    ImageSource, OutputFormat, ProviderOptions, Request, Resolution, TaskKind, Timestamp,
};

pub(super) const NO_HEADERS: &BTreeMap<String, String> = &BTreeMap::new();

pub(super) fn fixture(provider: &str, name: &str) -> Bytes {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read(format!("{root}/tests/fixtures/{provider}/{name}.json")).unwrap().into()
}

pub(super) fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap();
    Reply { status, retry_after: None, body: body.into() }
}

pub(super) fn api(url: &str) -> ApiClient {
    ApiClient::new(url.parse().unwrap(), "key".into()).unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_760_000_000, 0).unwrap()
}

pub(super) fn unsigned(body: &[u8]) -> Callback<'_> {
    Callback { headers: NO_HEADERS, body, received_at: now() }
}

/// A few words for a submission's outcome.
pub(super) fn submitted(outcome: &Submitted) -> String {
    match outcome {
        Submitted::Accepted { upstream_id } => format!("accepted {upstream_id}"),
        Submitted::Done { upstream_id, urls } => format!("done {upstream_id} {}", urls.join(" ")),
        Submitted::Rejected(refusal) => {
            let pause = if refusal.pause.is_some() { " and pause" } else { "" };
            format!("{:?}{pause}", refusal.failure.code)
        }
        Submitted::Faltered(refusal) => format!("once more, then {:?}", refusal.failure.code),
        Submitted::Postponed(Delay { after: Some(after), .. }) => format!("after {after:?}"),
        Submitted::Postponed(_) => "after a growing pause".to_owned(),
        Submitted::Lost { .. } => "lost".to_owned(),
    }
}

/// A few words for an answer about a job.
pub(super) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Working => "working".to_owned(),
        Answer::Finished(urls) => format!("finished {}", urls.join(" ")),
        Answer::Failed(failure) => format!("{:?}", failure.code),
        Answer::Unknown => "unknown".to_owned(),
        Answer::Unavailable(Delay { trouble: Some(trouble), .. }) => {
            format!("unavailable, {}", trouble.name())
        }
        Answer::Unavailable(_) => "unavailable".to_owned(),
    }
}

static INPUTS: LazyLock<[String; 1]> = LazyLock::new(|| ["https://a.example/1.png".to_owned()]);

pub(super) fn request(kind: TaskKind) -> Request {
    Request {
        kind,
        prompt: "a cat".to_owned(),
        images: match kind {
            TaskKind::Generate => vec![],
            TaskKind::Edit => INPUTS.iter().cloned().map(ImageSource::Url).collect(),
        },
        count: 1,
        aspect_ratio: Some("4:3".to_owned()),
        resolution: Some(Resolution::R2K),
        output_format: Some(OutputFormat::Jpeg),
        watermark: Some("me".to_owned()),
        options: ProviderOptions::default(),
    }
}

/// The same, with everything left to the model.
pub(super) fn plain(kind: TaskKind) -> Request {
    Request {
        aspect_ratio: None,
        resolution: None,
        output_format: None,
        watermark: None,
        ..request(kind)
    }
}

pub(super) fn submission<'a>(model: &'a str, request: &'a Request) -> Submission<'a> {
    let inputs = &INPUTS[..request.images.len()];
    Submission { model, request, inputs, images: request.count, callback_url: "https://gw/cb" }
}
