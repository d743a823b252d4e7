//! How every provider client handles undocumented responses, over a real connection.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::test_support::{api, outcome_name, plain, state_name, submission, unsigned};
use super::*;
use crate::domain::TaskKind;
use crate::outbound::stub::server;

/// Larger than the limit of a response body.
const OVERSIZED: usize = 2 * 1024 * 1024;

/// Each provider with one of its models.
fn providers(url: &str) -> [(Arc<dyn Provider>, &'static str); 3] {
    let (kie, ace) = (kie_rate_limits(18, 9), ace_rate_limits(10, 1));
    [
        (Arc::new(NanoBanana::new(api(url), kie)), "nano-banana"),
        (Arc::new(FluxKontext::new(api(url), kie, None)), "flux-kontext-pro"),
        (Arc::new(AceData::new(api(url), ace, None)), "ace/nano-banana"),
    ]
}

/// Outcome of a submission and state from a status query, for each provider.
async fn outcomes(status: u16, headers: HeaderMap, body: &[u8]) -> Vec<(String, String)> {
    let url = server(status, headers, body.to_vec()).await;
    let request = plain(TaskKind::Generate);
    let mut outcomes = Vec::new();
    for (provider, model) in providers(url.as_str()) {
        let submission = provider.submit(&submission(model, &request)).await;
        let reported = provider.query_status(&["a1"]).await;
        outcomes.push((outcome_name(&submission), state_name(&reported[0])));
    }
    outcomes
}

fn both(submission: &str, state_name: &str) -> Vec<(String, String)> {
    vec![(submission.to_owned(), state_name.to_owned()); 3]
}

#[tokio::test]
async fn an_unreadable_response_leaves_the_job_unconfirmed() {
    let oversized = [b"{\"x\":\"".as_slice(), &vec![b'x'; OVERSIZED], b"\"}"].concat();
    let nonsense: [&[u8]; 5] =
        [b"", &oversized, b"{\"code\":200,\"data\":{\"task", b"<html>", b"\xff\xfe\0"];
    for body in nonsense {
        let outcomes = outcomes(200, HeaderMap::new(), body).await;
        assert_eq!(
            outcomes,
            both("unconfirmed", "unavailable"),
            "{:?}",
            &body[..body.len().min(30)]
        );
    }
}

#[tokio::test]
async fn json_of_an_unknown_format_is_neither_acceptance_nor_result() {
    for body in ["[]", "3", "\"text\"", "[{\"taskId\":\"a1\"}]", "{\"data\":[]}"] {
        for (submission, state_name) in outcomes(200, HeaderMap::new(), body.as_bytes()).await {
            assert_eq!(submission, "unconfirmed", "{body}");
            assert!(!state_name.starts_with("finished"), "{body}: {state_name}");
        }
    }
}

#[tokio::test]
async fn retry_after_sets_the_length_of_the_pause() {
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
    let outcomes = outcomes(429, headers, b"slow down").await;
    assert_eq!(outcomes, both("after 7s", "unavailable, RATE_LIMITED"));
}

#[tokio::test]
async fn unreadable_callbacks_are_rejected() {
    let oversized = format!("{{\"taskId\":\"{}\"}}", "x".repeat(OVERSIZED));
    for body in ["", "null", "[]", "{\"taskId\":", "{\"taskId\":{}}", &oversized, "\u{0}"] {
        for (provider, _) in providers("http://127.0.0.1") {
            let payload = provider.read_callback(&unsigned(body.as_bytes()));
            assert!(payload.is_err(), "{:?}", provider.name());
        }
    }
}

#[test]
fn the_domain_knows_which_providers_limit_concurrent_jobs() {
    for (provider, _) in providers("http://localhost") {
        let limits = provider.rate_limits().max_concurrent_jobs.is_some();
        assert_eq!(provider.name().limits_concurrent_jobs(), limits, "{:?}", provider.name());
    }
}
