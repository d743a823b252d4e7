//! What nanobananaapi.ai, kie.ai and fluxapi.ai have in common: envelope, classifier, results
//! (`upstreams.md` section 1).

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::http::{CallError, Reply};
use super::words::{classify, failure};
use super::{Answer, ApiClient, CallbackNote, Delay, Refusal, Submitted};
use crate::domain::{Credits, FailureCode, Pace, Rate, Trouble};

/// A 429 means "not queued"; the family's window is 10 seconds.
const RATE_WINDOW: Duration = Duration::from_secs(10);
const MAINTENANCE_PAUSE: Duration = Duration::from_mins(2);
const ACCOUNT_PAUSE: Duration = Duration::from_mins(1);

/// What the family lets an account do (3.6): 20 submissions in 10 seconds, 10 questions a second.
#[must_use]
pub fn pace(submissions_per_10_seconds: u32, queries_per_second: u32) -> Pace {
    let window = TimeDelta::seconds(10);
    Pace {
        submissions: Some(Rate { count: submissions_per_10_seconds, window }),
        jobs_at_once: None,
        queries_per_second,
        ids_per_query: 1,
    }
}

/// `{"code", "msg", "data"}`, as lenient as the servers are careless.
#[derive(Debug)]
pub(super) struct Envelope {
    code: Option<i64>,
    message: String,
    whole: Value,
}

impl Envelope {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let whole: Value = serde_json::from_slice(body).ok()?;
        let whole = whole.is_object().then_some(whole)?;
        let message = ["msg", "message"].iter().find_map(|key| whole.get(key)?.as_str());
        let message = message.unwrap_or_default().to_owned();
        Some(Self { code: whole.get("code").and_then(number), message, whole })
    }

    /// HTTP 200 does not mean success, and an HTTP error outranks the body (1.1).
    fn effective_code(&self, reply: &Reply) -> i64 {
        if reply.status.is_success() {
            self.code.unwrap_or(0)
        } else {
            i64::from(reply.status.as_u16())
        }
    }

    fn data(&self) -> &Value {
        &self.whole["data"]
    }

    /// The id, by the names and in the places seen in the wild.
    pub(super) fn task_id(&self) -> Option<String> {
        [self.data(), &self.whole]
            .into_iter()
            .find_map(|part| ["taskId", "task_id"].into_iter().find_map(|key| id(part.get(key)?)))
    }
}

/// A usable id, written as a text or a number.
pub(super) fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= 200).then_some(id)
}

/// A number, or a text that holds one: `errorCode` and `code` come as either.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Every link under the names seen in the wild: `response` before `info`, one or many (2.3).
/// `originImageUrl` is left alone: it dies within 10 minutes.
pub(super) fn result_urls(record: &Value) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in ["response", "info"].iter().filter_map(|key| record.get(key)) {
        let part = unwrap_text(part);
        for key in ["resultImageUrl", "resultImageUrls", "resultUrls", "result_urls"] {
            for url in texts(part.get(key).unwrap_or(&Value::Null)) {
                if !url.trim().is_empty() && !urls.contains(&url) {
                    urls.push(url);
                }
            }
        }
    }
    urls
}

/// `response` was seen as JSON in a text, and as a bare link (3.3).
fn unwrap_text(part: &Value) -> Value {
    match part.as_str() {
        Some(text) if text.starts_with("http") => {
            serde_json::json!({ "resultImageUrl": text })
        }
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => part.clone(),
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Sends a job.
pub(super) async fn submit(api: &ApiClient, path: &str, body: &Value) -> Submitted {
    match api.post(path, body).await {
        Ok(reply) => read_submission(&reply),
        Err(CallError::NotSent) => Submitted::Postponed(Delay::NO_CONNECTION),
        Err(CallError::Lost) => Submitted::Lost { why: "no answer" },
    }
}

/// What the client left to the model is left out.
pub(super) fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// Asks about jobs, one by one: the family has no other way.
pub(super) async fn query(api: &ApiClient, path: &str, upstream_ids: &[&str]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for upstream_id in upstream_ids {
        let reply = api.get(path, &[("taskId", upstream_id)]).await;
        answers.push(match reply {
            Ok(reply) => read_record(&reply),
            Err(_) => Answer::Unavailable(Delay::NO_CONNECTION),
        });
    }
    answers
}

/// The account's balance. The documents say whole numbers; fractions were seen.
pub(super) fn read_balance(reply: &Reply) -> Option<Credits> {
    let envelope = Envelope::parse(&reply.body)?;
    if envelope.effective_code(reply) != 200 {
        return None;
    }
    let data = envelope.data();
    Credits::from_f64(data.as_f64().or_else(|| data.as_str()?.trim().parse().ok())?)
}

pub(super) fn read_submission(reply: &Reply) -> Submitted {
    let Some(envelope) = Envelope::parse(&reply.body) else { return unreadable(reply) };
    if let Some(upstream_id) = envelope.task_id() {
        return Submitted::Accepted { upstream_id };
    }
    let code = envelope.effective_code(reply);
    if code == 200 || envelope.code.is_none() {
        return Submitted::Lost { why: "an answer without an id" };
    }
    // A gateway in front of the API does not know what became of the request behind it.
    if matches!(reply.status.as_u16(), 502..=504) {
        return Submitted::Lost { why: "no answer behind the provider's gateway" };
    }
    let by_message = if matches!(code, 401 | 402) { None } else { classify(&envelope.message) };
    let Some(class) = by_message.or_else(|| submission_class(code)) else {
        return postponed(code, reply);
    };
    let refusal = refusal(class, &envelope.message);
    if code == 500 && class == FailureCode::UpstreamUnavailable {
        return Submitted::Faltered(refusal);
    }
    Submitted::Rejected(refusal)
}

/// The codes of 2.5 as answers to a submission; `None` for those that say "later".
const fn submission_class(code: i64) -> Option<FailureCode> {
    Some(match code {
        400 | 413 | 422 => FailureCode::InvalidInput,
        401 => FailureCode::UpstreamAuth,
        402 => FailureCode::UpstreamCredits,
        408 => FailureCode::UpstreamTimeout,
        429 | 455 => return None,
        500..600 => FailureCode::UpstreamUnavailable,
        _ => FailureCode::Internal,
    })
}

fn refusal(class: FailureCode, message: &str) -> Refusal {
    let account = matches!(class, FailureCode::UpstreamAuth | FailureCode::UpstreamCredits);
    Refusal { failure: failure(class, message), pause: account.then_some(ACCOUNT_PAUSE) }
}

fn postponed(code: i64, reply: &Reply) -> Submitted {
    Submitted::Postponed(delay(code, reply))
}

fn delay(code: i64, reply: &Reply) -> Delay {
    let (usual, trouble, why) = match code {
        429 => (RATE_WINDOW, Trouble::RateLimited, "rate limited"),
        455 => (MAINTENANCE_PAUSE, Trouble::Maintenance, "under maintenance"),
        401 => (ACCOUNT_PAUSE, Trouble::Auth, "the key is refused"),
        402 => (ACCOUNT_PAUSE, Trouble::Credits, "out of credits"),
        _ => return Delay { after: reply.retry_after, trouble: None, why: "provider error" },
    };
    Delay { after: Some(reply.retry_after.unwrap_or(usual)), trouble: Some(trouble), why }
}

/// An answer that is no JSON comes from something in front of the API.
fn unreadable(reply: &Reply) -> Submitted {
    match reply.status.as_u16() {
        429 | 455 => postponed(i64::from(reply.status.as_u16()), reply),
        // Cloudflare, which dislikes how we look: nothing the client did.
        401 | 403 => Submitted::Rejected(Refusal {
            failure: failure(FailureCode::UpstreamUnavailable, ""),
            pause: Some(ACCOUNT_PAUSE),
        }),
        400..500 => Submitted::Rejected(refusal(FailureCode::Internal, "")),
        _ => Submitted::Lost { why: "unreadable answer" },
    }
}

pub(super) fn read_record(reply: &Reply) -> Answer {
    let Some(envelope) = Envelope::parse(&reply.body) else {
        return Answer::Unavailable(delay(i64::from(reply.status.as_u16()), reply));
    };
    let code = envelope.effective_code(reply);
    // "recordInfo is null": not visible yet, or forgotten (1.5).
    let unknown = envelope.message.to_lowercase().contains("recordinfo is null");
    if unknown || (code == 200 && envelope.data().is_null()) {
        return Answer::Unknown;
    }
    if code != 200 {
        return Answer::Unavailable(delay(code, reply));
    }
    record_answer(envelope.data())
}

/// `successFlag` decides, not `code` (1.2). 4 is rumoured to be "generated, callback failed": then a
/// link is proof enough. Whatever else it says, the provider is not done.
fn record_answer(record: &Value) -> Answer {
    let urls = result_urls(record);
    match record.get("successFlag").and_then(number) {
        Some(1) if urls.is_empty() => {
            Answer::Failed(failure(FailureCode::GenerationFailed, "it named no image"))
        }
        Some(1) => Answer::Finished(urls),
        Some(2 | 3) => {
            let code = record.get("errorCode").and_then(number).unwrap_or(501);
            let message = record.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
            generation_failed(code, message)
        }
        Some(4) if !urls.is_empty() => Answer::Finished(urls),
        _ => Answer::Working,
    }
}

/// Reads a callback; `None` when it names no task.
pub(super) fn read_callback(body: &[u8]) -> Option<CallbackNote> {
    let envelope = Envelope::parse(body)?;
    Some(CallbackNote { upstream_id: envelope.task_id()?, answer: callback_answer(&envelope) })
}

/// Shape A decides by `code`; shape B always says 200 and decides by `successFlag` (2.4).
fn callback_answer(envelope: &Envelope) -> Answer {
    let data = envelope.data();
    if data.get("successFlag").is_some_and(|flag| number(flag).is_some()) {
        return record_answer(data);
    }
    match envelope.code {
        Some(200) => match result_urls(data) {
            urls if urls.is_empty() => Answer::Working,
            urls => Answer::Finished(urls),
        },
        Some(code) => generation_failed(code, &envelope.message),
        None => Answer::Working,
    }
}

/// The codes of 2.5 as outcomes of a generation.
fn generation_failed(code: i64, message: &str) -> Answer {
    let class = classify(message).unwrap_or(match code {
        400 | 422 => FailureCode::ContentRejected,
        402 => FailureCode::UpstreamCredits,
        408 => FailureCode::UpstreamTimeout,
        _ => FailureCode::GenerationFailed,
    });
    Answer::Failed(failure(class, message))
}

#[cfg(test)]
mod tests;
