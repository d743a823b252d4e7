//! Recorded bodies: every row of the provider's tables of errors and states, and malformed responses.

use bytes::Bytes;

use super::*;
use crate::domain::TaskKind;
use crate::providers::test_support::{
    api, fixture, outcome_name, plain, request, response, state_name, submission, unsigned,
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
fn settings_that_the_client_omits_are_not_sent() {
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
        ("without-id", 200, "unconfirmed"),
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
        ("too-many-requests", 429, "after a backoff"),
        ("rate-limited", 429, "after a backoff"),
        ("bare-error-with-task-id", 429, "after a backoff"),
        ("bare-error-with-task-id", 403, "ContentRejected"),
        ("bare-error-with-task-id", 401, "UpstreamAuth and pause"),
        ("bare-error-with-task-id", 500, "accepted a1"),
        ("api-error", 500, "one retry, then UpstreamUnavailable"),
        ("api-error-with-task-id", 500, "accepted a1"),
        ("bare-error", 500, "unconfirmed"),
        ("no-error", 500, "unconfirmed"),
        ("api-error-and-task-id", 500, "one retry, then UpstreamUnavailable"),
        ("unheard-of-code", 500, "unconfirmed"),
        ("unheard-of-code", 503, "unconfirmed"),
        ("timeout", 504, "UpstreamTimeout"),
        ("timeout-with-task-id", 504, "accepted a1"),
    ];
    for (name, status, expected) in cases {
        let response = response(status, recorded(&format!("submit-{name}")));
        assert_eq!(outcome_name(&read_submission(&response)), expected, "{name} with {status}");
    }
}

#[test]
fn malformed_submission_responses_are_never_retried_unless_the_status_permits() {
    let whole = recorded("submit-accepted");
    let cases: [(u16, &[u8], &str); 10] = [
        (200, b"", "unconfirmed"),
        (200, b"[]", "unconfirmed"),
        (200, &whole[..20], "unconfirmed"),
        (502, b"<h1>Bad gateway</h1>", "unconfirmed"),
        (504, b"", "unconfirmed"),
        (408, b"{}", "unconfirmed"),
        (403, b"error code: 1010", "UpstreamUnavailable and pause"),
        (413, b"<html>", "InvalidInput"),
        (429, b"slow down", "after a backoff"),
        (400, br#"{"error": {"code": "rate_limited"}}"#, "after a backoff"),
    ];
    for (status, body, expected) in cases {
        let response = response(status, body.to_vec());
        assert_eq!(outcome_name(&read_submission(&response)), expected, "{status} {body:?}");
    }
}

#[test]
fn records_without_a_status_are_read_by_their_fields() {
    let link = "finished https://platform.cdn.acedata.cloud/n/a.png";
    let both = "finished https://platform.cdn.acedata.cloud/n/a.png https://platform.cdn.acedata.cloud/n/b.png";
    let cases = [
        ("no-response", "in progress"),
        ("null-response", "in progress"),
        ("echo", "in progress"),
        ("echo-empty-data", "in progress"),
        ("success", link),
        ("success-iso-times", link),
        ("success-unfinished", link),
        ("success-not-said", link),
        ("partial", both),
        ("failed-unfinished", "GenerationFailed"),
        ("forbidden", "ContentRejected"),
        ("error-without-success", "UpstreamTimeout"),
        ("bare-error-unfinished", "in progress"),
        ("null-error-unfinished", "in progress"),
        ("bare-error-finished", "GenerationFailed"),
        ("bare-policy-finished", "ContentRejected"),
        ("no-url-finished", "GenerationFailed"),
        ("used-up", "UpstreamCredits"),
    ];
    for (name, expected) in cases {
        let response = response(200, recorded(&format!("record-{name}")));
        let states = read_records(&response, &["a1"]);
        assert_eq!(states.iter().map(state_name).collect::<Vec<_>>(), [expected], "{name}");
    }
}

#[test]
fn a_batch_is_matched_by_id_not_by_position() {
    let response = response(200, recorded("batch"));
    let states = read_records(&response, &["a1", "a2", "a3", "a1"]);
    let link = "finished https://platform.cdn.acedata.cloud/n/a.png";
    let names: Vec<_> = states.iter().map(state_name).collect();
    assert_eq!(names, [link, "in progress", "unknown", link]);
}

#[test]
fn unknown_ids_are_recognized_in_every_form() {
    let cases = [
        (200, recorded("batch-empty"), "unknown"),
        (200, Bytes::from("{}"), "unknown"),
        (200, Bytes::from("null"), "unknown"),
        (404, Bytes::from(r#"{"error":{"code":"not_found","message":"reason"}}"#), "unknown"),
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
        let states = read_records(&response(status, body.clone()), &["a1"]);
        assert_eq!(state_name(&states[0]), expected, "{status} {body:?}");
    }
}

#[test]
fn a_malformed_batch_makes_every_state_unavailable() {
    for body in ["{}", "null", "[]", "{\"items\":3}"] {
        let states = read_records(&response(200, body), &["a1", "a2"]);
        assert_eq!(states.iter().map(state_name).collect::<Vec<_>>(), ["unavailable"; 2], "{body}");
    }
}

#[test]
fn callbacks_are_read_by_success_and_error() {
    let provider = AceData::new(api("http://127.0.0.1"), rate_limits(10, 1), None);
    let cases = [
        ("success", Ok("finished https://platform.cdn.acedata.cloud/n/a.png")),
        ("forbidden", Ok("ContentRejected")),
        ("bare-error", Ok("GenerationFailed")),
        ("echo", Ok("in progress")),
        ("without-id", Err(CallbackError::NoUpstreamId)),
    ];
    for (name, expected) in cases {
        let body = recorded(&format!("callback-{name}"));
        let payload = provider.read_callback(&unsigned(&body));
        let seen =
            payload.as_ref().map(|payload| state_name(&payload.state)).map_err(|reason| *reason);
        assert_eq!(seen, expected.map(str::to_owned), "{name}");
    }
}
