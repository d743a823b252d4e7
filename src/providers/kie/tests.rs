//! Recorded bodies of the kie family: every documented outcome, and undocumented ones.

use bytes::Bytes;

use super::*;
use crate::providers::test_support::{fixture, outcome_name, response, state_name};

#[test]
fn submissions_are_read_by_http_status_then_message_then_code() {
    let cases = [
        ("accepted", 200, "accepted nb-7c1e"),
        ("accepted-message-key", 200, "accepted nb-7c1e"),
        ("without-id", 200, "unconfirmed"),
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
        ("server-error", 200, "one retry, then UpstreamUnavailable"),
        ("server-error", 500, "one retry, then UpstreamUnavailable"),
        ("server-error-with-id", 500, "accepted nb-7c1e"),
        ("disabled", 200, "UpstreamUnavailable"),
        ("code-as-text", 200, "UpstreamCredits and pause"),
    ];
    for (name, status, expected) in cases {
        let response = response(status, fixture("nano-banana", &format!("submit-{name}")));
        assert_eq!(outcome_name(&read_submission(&response, "")), expected, "{name} with {status}");
    }
}

#[test]
fn malformed_submission_responses_are_never_retried_unless_the_status_permits() {
    let whole = fixture("nano-banana", "submit-accepted");
    let cases: [(u16, &[u8], &str); 8] = [
        (200, b"", "unconfirmed"),
        (200, b"<html>", "unconfirmed"),
        (200, &whole[..20], "unconfirmed"),
        (502, b"<h1>Bad gateway</h1>", "unconfirmed"),
        (503, b"", "unconfirmed"),
        (403, b"error code: 1010", "UpstreamUnavailable and pause"),
        (404, b"<html>", "Internal"),
        (429, b"slow down", "after 10s"),
    ];
    for (status, body, expected) in cases {
        let response = response(status, body.to_vec());
        assert_eq!(outcome_name(&read_submission(&response, "")), expected, "{status} {body:?}");
    }
}

#[test]
fn retry_after_overrides_the_default_pause() {
    let mut limited = response(429, fixture("nano-banana", "submit-rate-limited"));
    limited.retry_after = Some(Duration::from_secs(33));
    assert_eq!(outcome_name(&read_submission(&limited, "")), "after 33s");
}

#[test]
fn records_are_read_by_their_flag() {
    let cases = [
        ("generating", "in progress"),
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
        ("flag-4-without-link", "in progress"),
        ("no-flag", "in progress"),
        ("no-flag-with-link", "in progress"),
        ("create-failed", "GenerationFailed"),
        ("flagged", "ContentRejected"),
        ("flagged-as-422", "ContentRejected"),
        ("flagged-as-500", "ContentRejected"),
        ("validation-as-500", "InvalidInput"),
        ("failed-without-code", "GenerationFailed"),
        ("timed-out", "UpstreamTimeout"),
        ("not-visible", "unknown"),
        ("null", "unknown"),
        ("bad-key", "unavailable, UPSTREAM_AUTH"),
    ];
    for (name, expected) in cases {
        let response = response(200, fixture("nano-banana", &format!("record-{name}")));
        assert_eq!(state_name(&read_record(&response)), expected, "{name}");
    }
}

#[test]
fn unreadable_records_make_the_state_unavailable() {
    let whole = fixture("nano-banana", "record-success");
    let cases = [
        (200, whole.slice(..50), "unavailable"),
        (502, Bytes::from("<html>"), "unavailable"),
        (429, Bytes::new(), "unavailable, RATE_LIMITED"),
        (455, Bytes::new(), "unavailable, MAINTENANCE"),
        (402, Bytes::new(), "unavailable, UPSTREAM_CREDITS"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(state_name(&read_record(&response(status, body))), expected);
    }
}

#[test]
fn callbacks_of_all_models_are_read() {
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
    for (name, expected) in cases {
        let payload = read_callback(&fixture("nano-banana", &format!("callback-{name}")));
        assert_eq!(
            payload.as_ref().map(|payload| state_name(&payload.state)).as_deref(),
            expected,
            "{name}"
        );
        assert!(payload.is_none_or(|payload| payload.upstream_id == "nb-7c1e"), "{name}");
    }
}

#[test]
fn failure_messages_contain_no_urls() {
    let failure = failure(FailureCode::GenerationFailed, "see https://evil.example/x\u{7} now");
    assert_eq!(failure.message, "The provider could not generate the image: see now");
}
