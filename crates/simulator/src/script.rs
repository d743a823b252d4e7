//! Misbehaviour on request: markers such as `[sim:policy]` in a prompt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Every marker and what it does, for `--help` and the README.
pub const MARKERS: &[(&str, &str)] = &[
    (
        "submit=CODE*N",
        "answers the first N submissions (1 when left out) with CODE: 401, 402, 422, 429, 455, 500, 505 …",
    ),
    ("patience=N", "says in those answers to try again after N seconds (Retry-After)"),
    (
        "credits-429",
        "answers the submission with 429 and a message about credits (Ace Data Cloud: 403 used_up)",
    ),
    ("no-answer", "takes the submission and breaks the connection"),
    ("hang", "takes the submission and leaves the caller waiting for a minute"),
    ("never-arrived", "breaks the connection without taking the submission"),
    ("garbled", "takes the submission and answers with half of a JSON text"),
    ("bad-gateway", "answers the submission with an HTML page and status 502"),
    ("blocked", "answers the submission with a bare 403, as Cloudflare does"),
    ("inline", "answers the submission with the finished result (Ace Data Cloud)"),
    ("bare-error", "says a bare text as error while it works (Ace Data Cloud)"),
    ("partial=N", "delivers N of the images asked for (Ace Data Cloud)"),
    ("policy", "flags the prompt"),
    ("fail=CODE", "fails the generation with CODE: 400, 500, 501 …"),
    ("create-failed", "fails before it begins: successFlag 2"),
    ("slow=SECONDS", "takes that long"),
    ("never", "never finishes"),
    ("invisible=N", "says the first N times that it does not know the task"),
    ("forgotten", "says that it does not know the task, for ever"),
    ("poll=CODE*N", "answers the first N questions about the task with CODE"),
    ("flag=NUMBER", "finishes with another successFlag (not Ace Data Cloud)"),
    ("callback=lost", "never calls back"),
    ("callback=late", "calls back 45 seconds late"),
    ("callback=repeated", "calls back three times"),
    ("callback=early", "calls back before it answers the submission"),
    ("callback=forged", "is preceded by strangers who claim success"),
    ("callback=garbage", "calls back with something unreadable first"),
    ("result=gone", "names a link that is dead"),
    ("result=late", "names a link that works when it is followed the third time"),
    ("result=page", "delivers an HTML page instead of an image"),
    ("result=cut", "delivers half of an image"),
    ("result=huge", "delivers 60 MB"),
    ("result=private", "names a link to a private address"),
    ("result=redirect", "redirects to a private address"),
    ("result=none", "says success and names no link"),
    ("result=list", "names its link in a list"),
];

/// A status code that is answered a number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answers {
    pub(super) code: i64,
    pub(super) times: u32,
}

/// When and how a task is called back about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CallbackMode {
    #[default]
    Once,
    Lost,
    Late,
    Repeated,
    Early,
    Forged,
    Garbage,
}

/// What becomes of a submission whose answer does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Breakage {
    TakenUnanswered,
    Hang,
    NeverArrived,
    Garbled,
    BadGateway,
    Blocked,
    CreditsAs429,
}

/// What the result link leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResultMode {
    #[default]
    Fine,
    Gone,
    Late,
    Page,
    Cut,
    Huge,
    Private,
    Redirect,
    None,
    List,
}

/// Everything that one prompt asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a marker of its own")]
pub(super) struct Script {
    pub(super) submit: Option<Answers>,
    pub(super) patience: Option<u32>,
    pub(super) breakage: Option<Breakage>,
    pub(super) poll: Option<Answers>,
    pub(super) fail: Option<i64>,
    pub(super) create_failed: bool,
    pub(super) delay: Option<Duration>,
    pub(super) never: bool,
    pub(super) invisible: Option<u32>,
    pub(super) flag: Option<i64>,
    pub(super) inline: bool,
    pub(super) bare_error: bool,
    pub(super) partial: Option<u32>,
    pub(super) callback: CallbackMode,
    pub(super) result: ResultMode,
}

impl Script {
    /// Reads the markers of a prompt; what it does not know it ignores, like any word.
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
            "submit" => self.submit = answers(value),
            "patience" => self.patience = value.parse().ok(),
            "poll" => self.poll = answers(value),
            "no-answer" => self.breakage = Some(Breakage::TakenUnanswered),
            "hang" => self.breakage = Some(Breakage::Hang),
            "never-arrived" => self.breakage = Some(Breakage::NeverArrived),
            "garbled" => self.breakage = Some(Breakage::Garbled),
            "bad-gateway" => self.breakage = Some(Breakage::BadGateway),
            "blocked" => self.breakage = Some(Breakage::Blocked),
            "credits-429" => self.breakage = Some(Breakage::CreditsAs429),
            "policy" => self.fail = Some(400),
            "fail" => self.fail = value.parse().ok(),
            "create-failed" => self.create_failed = true,
            "slow" => self.delay = seconds(),
            "never" => self.never = true,
            "inline" => self.inline = true,
            "bare-error" => self.bare_error = true,
            "partial" => self.partial = value.parse().ok(),
            "invisible" => self.invisible = value.parse().ok(),
            "forgotten" => self.invisible = Some(u32::MAX),
            "flag" => self.flag = value.parse().ok(),
            "callback" => self.callback = callback(value),
            "result" => self.result = result(value),
            _ => {}
        }
    }
}

fn answers(value: &str) -> Option<Answers> {
    let (code, times) = value.split_once('*').unwrap_or((value, "1"));
    Some(Answers { code: code.parse().ok()?, times: times.parse().ok()? })
}

fn callback(value: &str) -> CallbackMode {
    match value {
        "lost" => CallbackMode::Lost,
        "late" => CallbackMode::Late,
        "repeated" => CallbackMode::Repeated,
        "early" => CallbackMode::Early,
        "forged" => CallbackMode::Forged,
        "garbage" => CallbackMode::Garbage,
        _ => CallbackMode::Once,
    }
}

fn result(value: &str) -> ResultMode {
    match value {
        "gone" => ResultMode::Gone,
        "late" => ResultMode::Late,
        "page" => ResultMode::Page,
        "cut" => ResultMode::Cut,
        "huge" => ResultMode::Huge,
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
    fn markers_are_read_wherever_they_stand() {
        let script =
            Script::read("a [sim:submit=429*2] cat [sim:callback=lost][sim:slow=0.5] [sim:x");
        assert_eq!(script.submit, Some(Answers { code: 429, times: 2 }));
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
