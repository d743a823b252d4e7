//! The dialect against recorded bodies: every row of the tables in `upstreams.md` 4, and nonsense.

use bytes::Bytes;

use super::*;
use crate::domain::TaskKind;
use crate::providers::recorded::{
    answer, api, fixture, plain, reply, request, submission, submitted, unsigned,
};

fn recorded(name: &str) -> Bytes {
    fixture("ace-data", name)
}

#[test]
fn every_setting_is_sent_under_its_name() {
    for kind in [TaskKind::Generate, TaskKind::Edit] {
        let mut request = request(kind);
        request.count = 3;
        let body = request_body(&submission("ace/nano-banana-pro", &request));
        insta::assert_json_snapshot!(format!("{kind:?}"), body);
    }
}

#[test]
fn what_the_client_leaves_to_the_model_is_left_out() {
    let request = plain(TaskKind::Generate);
    let body = request_body(&submission("ace/nano-banana", &request));
    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["action", "async", "callback_url", "count", "model", "prompt"]);
    assert_eq!(body["model"], "nano-banana");
}

#[test]
fn submissions_are_read_by_error_code_then_status() {
    let cases = [
        ("accepted", 200, "accepted a1"),
        ("inline", 200, "done a1 https://platform.cdn.acedata.cloud/n/a.png"),
        ("without-id", 200, "lost"),
        ("bad-request", 400, "InvalidInput"),
        ("no-token", 400, "UpstreamAuth and pause"),
        ("token-mismatched", 400, "UpstreamAuth and pause"),
        ("token-mismatched", 401, "UpstreamAuth and pause"),
        ("api-not-implemented", 400, "Internal"),
        ("invalid-token", 401, "UpstreamAuth and pause"),
        ("token-expired", 401, "UpstreamAuth and pause"),
        ("payment-challenge", 402, "UpstreamCredits and pause"),
        ("used-up", 403, "UpstreamCredits and pause"),
        ("forbidden", 403, "ContentRejected"),
        ("forbidden-with-success", 403, "ContentRejected"),
        ("disabled", 403, "UpstreamAuth and pause"),
        ("something-new", 403, "ContentRejected"),
        ("no-api", 404, "Internal"),
        ("request-too-large", 413, "InvalidInput"),
        ("too-many-requests", 429, "after a growing pause"),
        ("rate-limited", 429, "after a growing pause"),
        ("bare-error-with-task-id", 429, "after a growing pause"),
        ("bare-error-with-task-id", 403, "ContentRejected"),
        ("bare-error-with-task-id", 401, "UpstreamAuth and pause"),
        ("bare-error-with-task-id", 500, "accepted a1"),
        ("api-error", 500, "once more, then UpstreamUnavailable"),
        ("api-error-with-task-id", 500, "accepted a1"),
        ("bare-error", 500, "lost"),
        ("no-error", 500, "lost"),
        ("api-error-and-task-id", 500, "once more, then UpstreamUnavailable"),
        ("unheard-of-code", 500, "lost"),
        ("unheard-of-code", 503, "lost"),
        ("timeout", 504, "UpstreamTimeout"),
        ("timeout-with-task-id", 504, "accepted a1"),
    ];
    for (name, status, expected) in cases {
        let reply = reply(status, recorded(&format!("submit-{name}")));
        assert_eq!(submitted(&read_submission(&reply)), expected, "{name} with {status}");
    }
}

#[test]
fn submissions_answered_with_something_else_are_never_taken_for_a_refusal_to_work() {
    let whole = recorded("submit-accepted");
    let cases: [(u16, &[u8], &str); 9] = [
        (200, b"", "lost"),
        (200, b"[]", "lost"),
        (200, &whole[..20], "lost"),
        (502, b"<h1>Bad gateway</h1>", "lost"),
        (504, b"", "lost"),
        (408, b"{}", "lost"),
        (403, b"error code: 1010", "UpstreamUnavailable and pause"),
        (413, b"<html>", "InvalidInput"),
        (429, b"slow down", "after a growing pause"),
    ];
    for (status, body, expected) in cases {
        let reply = reply(status, body.to_vec());
        assert_eq!(submitted(&read_submission(&reply)), expected, "{status} {body:?}");
    }
}

#[test]
fn records_without_a_status_are_read_by_what_they_hold() {
    let link = "finished https://platform.cdn.acedata.cloud/n/a.png";
    let both = "finished https://platform.cdn.acedata.cloud/n/a.png https://platform.cdn.acedata.cloud/n/b.png";
    let cases = [
        ("no-response", "working"),
        ("null-response", "working"),
        ("echo", "working"),
        ("echo-empty-data", "working"),
        ("success", link),
        ("success-iso-times", link),
        ("success-unfinished", link),
        ("success-not-said", link),
        ("partial", both),
        ("failed-unfinished", "GenerationFailed"),
        ("forbidden", "ContentRejected"),
        ("error-without-success", "UpstreamTimeout"),
        ("bare-error-unfinished", "working"),
        ("null-error-unfinished", "working"),
        ("bare-error-finished", "GenerationFailed"),
        ("bare-policy-finished", "ContentRejected"),
        ("no-url-finished", "GenerationFailed"),
        ("used-up", "UpstreamCredits"),
    ];
    for (name, expected) in cases {
        let reply = reply(200, recorded(&format!("record-{name}")));
        let answers = read_records(&reply, &["a1"]);
        assert_eq!(answers.iter().map(answer).collect::<Vec<_>>(), [expected], "{name}");
    }
}

#[test]
fn a_batch_is_matched_by_id_not_by_position() {
    let reply = reply(200, recorded("batch"));
    let answers = read_records(&reply, &["a1", "a2", "a3", "a1"]);
    let link = "finished https://platform.cdn.acedata.cloud/n/a.png";
    let words: Vec<_> = answers.iter().map(answer).collect();
    assert_eq!(words, [link, "working", "unknown", link]);
}

#[test]
fn an_id_that_it_does_not_know_is_unknown_however_it_says_so() {
    let cases = [
        (200, recorded("batch-empty"), "unknown"),
        (200, Bytes::from("{}"), "unknown"),
        (200, Bytes::from("null"), "unknown"),
        (404, Bytes::from(r#"{"error":{"code":"not_found","message":"why"}}"#), "unknown"),
        (404, recorded("submit-no-api"), "unavailable"),
        (400, recorded("submit-bad-request"), "unknown"),
        (400, recorded("submit-token-mismatched"), "unavailable, UPSTREAM_AUTH"),
        (401, recorded("submit-invalid-token"), "unavailable, UPSTREAM_AUTH"),
        (403, recorded("submit-used-up"), "unavailable, UPSTREAM_CREDITS"),
        (400, recorded("submit-rate-limited"), "unavailable, RATE_LIMITED"),
        (429, recorded("submit-too-many-requests"), "unavailable, RATE_LIMITED"),
        (500, recorded("submit-api-error"), "unavailable"),
        (502, Bytes::from("<html>"), "unavailable"),
        (200, recorded("record-success").slice(..50), "unavailable"),
    ];
    for (status, body, expected) in cases {
        let answers = read_records(&reply(status, body.clone()), &["a1"]);
        assert_eq!(answer(&answers[0]), expected, "{status} {body:?}");
    }
}

#[test]
fn what_goes_wrong_with_a_batch_says_nothing_about_any_of_its_tasks() {
    for body in ["{}", "null", "[]", "{\"items\":3}"] {
        let answers = read_records(&reply(200, body), &["a1", "a2"]);
        assert_eq!(answers.iter().map(answer).collect::<Vec<_>>(), ["unavailable"; 2], "{body}");
    }
}

#[test]
fn callbacks_are_read_by_success_and_error() {
    let provider = AceData::new(api("http://127.0.0.1"), pace(10, 1), None);
    let cases = [
        ("success", Ok("finished https://platform.cdn.acedata.cloud/n/a.png")),
        ("forbidden", Ok("ContentRejected")),
        ("bare-error", Ok("GenerationFailed")),
        ("echo", Ok("working")),
        ("without-id", Err("it names no task")),
    ];
    for (name, expected) in cases {
        let body = recorded(&format!("callback-{name}"));
        let note = provider.read_callback(&unsigned(&body));
        let seen = note.as_ref().map(|note| answer(&note.answer)).map_err(|why| *why);
        assert_eq!(seen, expected.map(str::to_owned), "{name}");
    }
}
