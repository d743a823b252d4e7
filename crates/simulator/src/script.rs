//! Fault injection: markers such as `[sim:policy]` in a prompt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Every marker and its effect, for `--help`.
pub const MARKERS: &[(&str, &str)] = &[
    (
        "submit=CODE*N",
        "rejects the first N submissions (default 1) with CODE: 401, 402, 422, 429, 455, 500, 505 …",
    ),
    ("retry-after=N", "adds `Retry-After: N` (seconds) to those responses"),
    (
        "credits-429",
        "rejects the submission with 429 and a message about credits (Ace Data Cloud: 403 used_up)",
    ),
    ("response-lost", "accepts the submission, then closes the connection without a response"),
    ("hang", "accepts the submission, but sends no response for 60 seconds"),
    ("request-lost", "closes the connection without accepting the submission"),
    ("truncated-json", "accepts the submission and returns truncated JSON"),
    ("bad-gateway", "returns an HTML page with status 502 instead of accepting the submission"),
    ("blocked", "rejects the submission with a plain 403, as Cloudflare does"),
    ("inline", "returns the finished result in the response to the submission (Ace Data Cloud)"),
    (
        "string-error",
        "until the task finishes, reports an error that is a plain string (Ace Data Cloud)",
    ),
    ("partial=N", "delivers only N of the requested images (Ace Data Cloud)"),
    ("policy", "fails the generation because of the content policy"),
    ("fail=CODE", "fails the generation with CODE: 400, 500, 501 …"),
    ("create-failed", "fails before the generation starts: successFlag 2"),
    ("slow=SECONDS", "finishes after SECONDS"),
    ("never-finishes", "never finishes"),
    ("not-found=N", "does not find the task in the first N status queries"),
    (
        "unreadable-record",
        "makes each response to a status query that contains the task unreadable (Ace Data Cloud)",
    ),
    ("never-found", "does not find the task in any status query"),
    ("poll=CODE*N", "fails the first N status queries for the task with CODE"),
    ("success-flag=NUMBER", "finishes with this successFlag (not Ace Data Cloud)"),
    ("callback=lost", "sends no callback"),
    ("callback=late", "sends the callback 45 seconds late"),
    ("callback=duplicate", "sends the callback three times"),
    ("callback=early", "sends the callback before the response to the submission"),
    ("callback=forged", "sends forged callbacks that report success before the real one"),
    ("callback=malformed", "sends malformed callbacks before the real one"),
    ("result=gone", "returns a result URL that responds with 404"),
    ("result=late", "returns a result URL that responds with 404 to the first two requests"),
    ("result=html", "delivers an HTML page instead of an image"),
    ("result=truncated", "delivers the first half of an image file"),
    ("result=oversized", "delivers a file of 60 MiB"),
    ("result=private", "returns a result URL at a private address"),
    ("result=redirect", "redirects the result URL to a private address"),
    ("result=none", "reports success without a result URL"),
    ("result=list", "returns the result URL in a list"),
];

/// An error code to return a number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InjectedError {
    pub(super) code: i64,
    pub(super) times: u32,
}

/// When and how the callback of a task is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CallbackMode {
    #[default]
    Once,
    Lost,
    Late,
    Duplicate,
    Early,
    Forged,
    Malformed,
}

/// A fault in the response to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SubmissionFault {
    ResponseLost,
    Hang,
    RequestLost,
    TruncatedJson,
    BadGateway,
    Blocked,
    CreditsAs429,
}

/// Response of the result URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResultMode {
    #[default]
    Fine,
    Gone,
    Late,
    Html,
    Truncated,
    Oversized,
    Private,
    Redirect,
    None,
    List,
}

/// The markers of one prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate marker")]
// A journal of another version may lack fields.
#[serde(default)]
pub(super) struct Script {
    pub(super) submit: Option<InjectedError>,
    pub(super) retry_after: Option<u32>,
    pub(super) submission_fault: Option<SubmissionFault>,
    pub(super) poll: Option<InjectedError>,
    pub(super) fail: Option<i64>,
    pub(super) create_failed: bool,
    pub(super) delay: Option<Duration>,
    pub(super) never_finishes: bool,
    pub(super) not_found: Option<u32>,
    pub(super) success_flag: Option<i64>,
    pub(super) inline: bool,
    pub(super) string_error: bool,
    pub(super) unreadable_record: bool,
    pub(super) partial: Option<u32>,
    pub(super) callback: CallbackMode,
    pub(super) result: ResultMode,
}

impl Script {
    /// Parses the markers of a prompt; unknown markers are ignored.
    pub(super) fn read(prompt: &str) -> Self {
        let mut script = Self::default();
        for rest in prompt.split("[sim:").skip(1) {
            let Some((marker, _)) = rest.split_once(']') else { continue };
            let (name, value) = marker.split_once('=').unwrap_or((marker, ""));
            script.set(name.trim(), value.trim());
        }
        script
    }

    fn set(&mut self, name: &str, value: &str) {
        let seconds = || value.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
        match name {
            "submit" => self.submit = injected_error(value),
            "retry-after" => self.retry_after = value.parse().ok(),
            "poll" => self.poll = injected_error(value),
            "response-lost" => self.submission_fault = Some(SubmissionFault::ResponseLost),
            "hang" => self.submission_fault = Some(SubmissionFault::Hang),
            "request-lost" => self.submission_fault = Some(SubmissionFault::RequestLost),
            "truncated-json" => self.submission_fault = Some(SubmissionFault::TruncatedJson),
            "bad-gateway" => self.submission_fault = Some(SubmissionFault::BadGateway),
            "blocked" => self.submission_fault = Some(SubmissionFault::Blocked),
            "credits-429" => self.submission_fault = Some(SubmissionFault::CreditsAs429),
            "policy" => self.fail = Some(400),
            "fail" => self.fail = value.parse().ok(),
            "create-failed" => self.create_failed = true,
            "slow" => self.delay = seconds(),
            "never-finishes" => self.never_finishes = true,
            "inline" => self.inline = true,
            "string-error" => self.string_error = true,
            "partial" => self.partial = value.parse().ok(),
            "not-found" => self.not_found = value.parse().ok(),
            "unreadable-record" => self.unreadable_record = true,
            "never-found" => self.not_found = Some(u32::MAX),
            "success-flag" => self.success_flag = value.parse().ok(),
            "callback" => self.callback = callback_mode(value),
            "result" => self.result = result_mode(value),
            _ => {}
        }
    }
}

fn injected_error(value: &str) -> Option<InjectedError> {
    let (code, times) = value.split_once('*').unwrap_or((value, "1"));
    Some(InjectedError { code: code.parse().ok()?, times: times.parse().ok()? })
}

fn callback_mode(value: &str) -> CallbackMode {
    match value {
        "lost" => CallbackMode::Lost,
        "late" => CallbackMode::Late,
        "duplicate" => CallbackMode::Duplicate,
        "early" => CallbackMode::Early,
        "forged" => CallbackMode::Forged,
        "malformed" => CallbackMode::Malformed,
        _ => CallbackMode::Once,
    }
}

fn result_mode(value: &str) -> ResultMode {
    match value {
        "gone" => ResultMode::Gone,
        "late" => ResultMode::Late,
        "html" => ResultMode::Html,
        "truncated" => ResultMode::Truncated,
        "oversized" => ResultMode::Oversized,
        "private" => ResultMode::Private,
        "redirect" => ResultMode::Redirect,
        "none" => ResultMode::None,
        "list" => ResultMode::List,
        _ => ResultMode::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_anywhere_in_the_prompt() {
        let script =
            Script::read("a [sim:submit=429*2] cat [sim:callback=lost][sim:slow=0.5] [sim:x");
        assert_eq!(script.submit, Some(InjectedError { code: 429, times: 2 }));
        assert_eq!(script.callback, CallbackMode::Lost);
        assert_eq!(script.delay, Some(Duration::from_millis(500)));
        assert_eq!(Script::read("a cat [simple] [sim:unheard-of]"), Script::default());
    }

    #[test]
    fn every_documented_marker_does_something() {
        for (marker, _) in MARKERS {
            let marker = marker
                .replace("CODE*N", "500*1")
                .replace("CODE", "500")
                .replace("SECONDS", "1")
                .replace("NUMBER", "4")
                .replace("=N", "=4");
            assert_ne!(Script::read(&format!("[sim:{marker}]")), Script::default(), "{marker}");
        }
    }
}
