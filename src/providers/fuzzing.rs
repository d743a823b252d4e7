//! What providers send, read from any bytes.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use bytes::Bytes;
use reqwest::StatusCode;

use super::http::ApiResponse;
use super::{UpstreamState, ace_data, kie};

/// A prompt that contains a provider's words for a failure.
const PROMPT: &str = "a portrait of an account with insufficient credits";

/// Bodies of callbacks: what is read names a job, and a message is short.
pub fn callback(bytes: &[u8]) {
    let payloads = [kie::read_callback(bytes), ace_data::responses::read_callback(bytes).ok()];
    for payload in payloads.into_iter().flatten() {
        assert!(!payload.upstream_id.is_empty(), "a job without an id");
        check(&payload.state);
    }
}

/// Bodies of responses, with a status in the first two bytes: each requested job has a state, and a message is short.
pub fn reply(bytes: &[u8]) {
    let Some((status, body)) = bytes.split_first_chunk::<2>() else { return };
    let status = 200 + u16::from_be_bytes(*status) % 400;
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let response = ApiResponse { status, retry_after: None, body: Bytes::copy_from_slice(body) };
    kie::read_submission(&response, PROMPT);
    kie::read_balance(&response);
    check(&kie::read_record(&response));
    ace_data::responses::read_submission(&response);
    let requested = ["upstream-1", "upstream-2"];
    let found = ace_data::responses::read_records(&response, &requested);
    assert_eq!(found.len(), requested.len(), "a job without a state");
    found.iter().for_each(check);
}

fn check(state: &UpstreamState) {
    const MAX_CHARACTERS: usize = 400;
    if let UpstreamState::Failed(failure) = state {
        assert!(failure.message.chars().count() <= MAX_CHARACTERS, "{}", failure.message);
    }
}
