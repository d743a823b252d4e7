//! What every dialect makes of what no document tells of, over a real connection.

use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::recorded::{answer, api, plain, submission, submitted, unsigned};
use super::*;
use crate::domain::TaskKind;
use crate::outbound::pretended::server;

/// Longer than any answer that is read.
const OVERSIZED: usize = 2 * 1024 * 1024;

/// One of each, with a model of its own.
fn providers(url: &str) -> [(Arc<dyn Provider>, &'static str); 3] {
    let (kie, ace) = (kie_pace(18, 9), ace_pace(10, 1));
    [
        (Arc::new(NanoBanana::new(api(url), kie)), "nano-banana"),
        (Arc::new(FluxKontext::new(api(url), kie, None)), "flux-kontext-pro"),
        (Arc::new(AceData::new(api(url), ace, None)), "ace/nano-banana"),
    ]
}

/// What each makes of the answer, to a submission and to a question.
async fn outcomes(status: u16, headers: HeaderMap, body: &[u8]) -> Vec<(String, String)> {
    let url = server(status, headers, body.to_vec()).await;
    let request = plain(TaskKind::Generate);
    let mut outcomes = Vec::new();
    for (provider, model) in providers(url.as_str()) {
        let submission = provider.submit(&submission(model, &request)).await;
        let answers = provider.query(&["a1"]).await;
        outcomes.push((submitted(&submission), answer(&answers[0])));
    }
    outcomes
}

fn both(submission: &str, answer: &str) -> Vec<(String, String)> {
    vec![(submission.to_owned(), answer.to_owned()); 3]
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_open_what_became_of_the_job() {
    let oversized = [b"{\"x\":\"".as_slice(), &vec![b'x'; OVERSIZED], b"\"}"].concat();
    let nonsense: [&[u8]; 5] =
        [b"", &oversized, b"{\"code\":200,\"data\":{\"task", b"<html>", b"\xff\xfe\0"];
    for body in nonsense {
        let outcomes = outcomes(200, HeaderMap::new(), body).await;
        assert_eq!(outcomes, both("lost", "unavailable"), "{:?}", &body[..body.len().min(30)]);
    }
}

#[tokio::test]
async fn json_that_is_no_answer_is_no_acceptance_and_no_result() {
    for body in ["[]", "3", "\"text\"", "[{\"taskId\":\"a1\"}]", "{\"data\":[]}"] {
        for (submission, answer) in outcomes(200, HeaderMap::new(), body.as_bytes()).await {
            assert_eq!(submission, "lost", "{body}");
            assert!(!answer.starts_with("finished"), "{body}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_says_for_how_long_is_left_alone_that_long() {
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
    let outcomes = outcomes(429, headers, b"slow down").await;
    assert_eq!(outcomes, both("after 7s", "unavailable, RATE_LIMITED"));
}

#[tokio::test]
async fn callbacks_that_cannot_be_read_name_no_task() {
    let oversized = format!("{{\"taskId\":\"{}\"}}", "x".repeat(OVERSIZED));
    for body in ["", "null", "[]", "{\"taskId\":", "{\"taskId\":{}}", &oversized, "\u{0}"] {
        for (provider, _) in providers("http://127.0.0.1") {
            let note = provider.read_callback(&unsigned(body.as_bytes()));
            assert!(note.is_err(), "{:?}", provider.name());
        }
    }
}
