//! The dialect against recorded bodies: every documented outcome, and what no document mentions.

use bytes::Bytes;
use reqwest::StatusCode;

use super::*;
use crate::domain::{NanoBananaOptions, ProviderOptions, Request};

fn fixture(name: &str) -> Bytes {
    let path = format!("{}/tests/fixtures/nano-banana/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap().into()
}

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap();
    Reply { status, retry_after: None, body: body.into() }
}

/// One word for a submission's outcome.
fn submitted(reply: &Reply) -> String {
    match read_submission(reply) {
        Submitted::Accepted { upstream_id } => format!("accepted {upstream_id}"),
        Submitted::Rejected(refusal) => {
            let pause = if refusal.pause.is_some() { " and pause" } else { "" };
            format!("{:?}{pause}", refusal.failure.code)
        }
        Submitted::Faltered(refusal) => format!("once more, then {:?}", refusal.failure.code),
        Submitted::Postponed(delay) => format!("after {:?}", delay.after.unwrap_or_default()),
        Submitted::Lost { .. } => "lost".to_owned(),
    }
}

/// One word for an answer about a job.
fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Working => "working".to_owned(),
        Answer::Finished(urls) => format!("finished {}", urls.join(" ")),
        Answer::Failed(failure) => format!("{:?}", failure.code),
        Answer::Unknown => "unknown".to_owned(),
        Answer::Unavailable(_) => "unavailable".to_owned(),
    }
}

#[test]
fn submissions_are_read_by_http_status_then_message_then_code() {
    let cases = [
        ("accepted", 200, "accepted nb-7c1e"),
        ("accepted-message-key", 200, "accepted nb-7c1e"),
        ("without-id", 200, "lost"),
        ("parameter-error", 200, "InvalidInput"),
        ("flagged", 200, "ContentRejected"),
        ("bad-key", 200, "UpstreamAuth and pause"),
        ("bad-key", 401, "UpstreamAuth and pause"),
        ("no-credits", 200, "UpstreamCredits and pause"),
        ("no-credits-as-429", 429, "UpstreamCredits and pause"),
        ("not-found", 404, "Internal"),
        ("validation", 200, "InvalidInput"),
        ("rate-limited", 200, "after 10s"),
        ("rate-limited", 429, "after 10s"),
        ("maintenance", 200, "after 120s"),
        ("server-error", 200, "once more, then UpstreamUnavailable"),
        ("server-error", 500, "once more, then UpstreamUnavailable"),
        ("server-error-with-id", 500, "accepted nb-7c1e"),
        ("disabled", 200, "UpstreamUnavailable"),
        ("code-as-text", 200, "UpstreamCredits and pause"),
    ];
    for (name, status, expected) in cases {
        let reply = reply(status, fixture(&format!("submit-{name}")));
        assert_eq!(submitted(&reply), expected, "{name} with {status}");
    }
}

#[test]
fn submissions_answered_with_something_else_are_never_taken_for_a_refusal_to_work() {
    let whole = fixture("submit-accepted");
    let cases: [(u16, &[u8], &str); 8] = [
        (200, b"", "lost"),
        (200, b"<html>", "lost"),
        (200, &whole[..20], "lost"),
        (502, b"<h1>Bad gateway</h1>", "lost"),
        (503, b"", "lost"),
        (403, b"error code: 1010", "UpstreamUnavailable and pause"),
        (404, b"<html>", "Internal"),
        (429, b"slow down", "after 10s"),
    ];
    for (status, body, expected) in cases {
        let reply = reply(status, body.to_vec());
        assert_eq!(submitted(&reply), expected, "{status} {body:?}");
    }
}

#[test]
fn the_providers_own_patience_is_taken_at_its_word() {
    let mut limited = reply(429, fixture("submit-rate-limited"));
    limited.retry_after = Some(Duration::from_secs(33));
    assert_eq!(submitted(&limited), "after 33s");
}

#[test]
fn records_are_read_by_their_flag() {
    let cases = [
        ("generating", "working"),
        ("success", "finished https://tempfile.aiquickdraw.com/x/nb-7c1e.jpeg"),
        ("success-hour-24", "finished https://tempfile.aiquickdraw.com/x/nb-7c1e.jpeg"),
        (
            "success-list",
            "finished https://a.example/1.png https://a.example/2.png https://a.example/3.png",
        ),
        ("success-origin-only", "GenerationFailed"),
        ("success-response-as-text", "finished https://a.example/1.png"),
        ("success-response-as-link", "finished https://a.example/1.png"),
        ("flag-as-text", "finished https://a.example/1.png"),
        ("flag-4-with-link", "finished https://a.example/1.png"),
        ("flag-4-without-link", "working"),
        ("no-flag", "working"),
        ("create-failed", "GenerationFailed"),
        ("flagged", "ContentRejected"),
        ("flagged-as-422", "ContentRejected"),
        ("flagged-as-500", "ContentRejected"),
        ("validation-as-500", "InvalidInput"),
        ("failed-without-code", "GenerationFailed"),
        ("timed-out", "UpstreamTimeout"),
        ("not-visible", "unknown"),
        ("null", "unknown"),
        ("bad-key", "unavailable"),
    ];
    for (name, expected) in cases {
        let reply = reply(200, fixture(&format!("record-{name}")));
        assert_eq!(answer(&read_record(&reply)), expected, "{name}");
    }
}

#[test]
fn records_that_cannot_be_read_say_nothing_about_the_task() {
    let whole = fixture("record-success");
    for (status, body) in
        [(200, whole.slice(..50)), (502, Bytes::from("<html>")), (429, Bytes::new())]
    {
        assert_eq!(answer(&read_record(&reply(status, body))), "unavailable");
    }
}

#[test]
fn callbacks_of_all_three_shapes_are_read() {
    let link = "finished https://tempfile.aiquickdraw.com/r/a.jpg";
    let cases = [
        ("success", Some(link)),
        ("flagged", Some("ContentRejected")),
        ("failed-empty-info", Some("GenerationFailed")),
        ("2-success", Some(link)),
        ("2-failed-with-code-200", Some("GenerationFailed")),
        ("pro-info", Some(link)),
        ("without-id", None),
        ("of-something-else", None),
    ];
    let api = ApiClient::new("http://127.0.0.1".parse().unwrap(), "key".into()).unwrap();
    let provider = NanoBanana::new(api);
    for (name, expected) in cases {
        let note = provider.read_callback(&fixture(&format!("callback-{name}")));
        assert_eq!(note.as_ref().map(|note| answer(&note.answer)).as_deref(), expected, "{name}");
        assert!(note.is_none_or(|note| note.upstream_id == "nb-7c1e"), "{name}");
    }
}

#[test]
fn messages_for_people_hold_no_links() {
    let failure = failure(FailureCode::GenerationFailed, "see https://evil.example/x\u{7} now");
    assert_eq!(failure.message, "The provider could not generate the image: see now");
}

fn request(kind: TaskKind) -> Request {
    Request {
        kind,
        prompt: "a cat".to_owned(),
        images: match kind {
            TaskKind::Generate => vec![],
            TaskKind::Edit => vec!["https://a.example/1.png".to_owned()],
        },
        count: 1,
        aspect_ratio: Some("4:3".to_owned()),
        resolution: Some(Resolution::R2K),
        output_format: Some(OutputFormat::Jpeg),
        watermark: Some("me".to_owned()),
        options: ProviderOptions {
            nano_banana: Some(NanoBananaOptions { google_search: Some(true) }),
        },
    }
}

#[test]
fn each_generation_is_asked_in_its_own_words() {
    for model in [FIRST, PRO, SECOND] {
        for kind in [TaskKind::Generate, TaskKind::Edit] {
            let request = request(kind);
            let submission =
                Submission { model, request: &request, images: 1, callback_url: "https://gw/cb" };
            insta::assert_json_snapshot!(format!("{model}_{kind:?}"), request_body(&submission));
        }
    }
}

#[test]
fn what_the_client_leaves_to_the_model_is_left_out() {
    let request = Request {
        aspect_ratio: None,
        resolution: None,
        output_format: None,
        watermark: None,
        options: ProviderOptions::default(),
        ..request(TaskKind::Generate)
    };
    for model in [FIRST, PRO, SECOND] {
        let submission =
            Submission { model, request: &request, images: 1, callback_url: "https://gw/cb" };
        let (_, body) = request_body(&submission);
        let known = ["callBackUrl", "imageUrls", "numImages", "prompt", "type"];
        let fields: Vec<_> = body.as_object().unwrap().keys().collect();
        assert!(fields.iter().all(|field| known.contains(&field.as_str())), "{model}: {fields:?}");
    }
}
