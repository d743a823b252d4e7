//! Reads what the gateways of a test run log, and fails a test when a line contains a secret: a
//! prompt, a token, a key or a signed link.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, Once};

use tracing_subscriber::EnvFilter;

use super::WEBHOOK_KEY;

/// Parts of texts that no line contains.
const SECRETS: [(&str, &str); 8] = [
    ("a prompt", "[sim:"),
    ("a token", "eyJ"),
    ("a key of a provider", WEBHOOK_KEY),
    ("a secret of a webhook", "whsec_"),
    ("a signed link", "signature="),
    ("a callback link", "/callbacks/nano-banana/task_"),
    ("a callback link", "/callbacks/flux-kontext/task_"),
    ("a callback link", "/callbacks/ace-data/task_"),
];

/// Prompts that tests have sent. A shorter one may be part of any word.
static PROMPTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
const MIN_PROMPT_BYTES: usize = 12;
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static START: Once = Once::new();

/// Reads each line that is logged from now on, those of the gateway down to `trace`.
pub(super) fn start_reading() {
    START.call_once(|| {
        // sqlx would log slow statements of the tests themselves, with their literals.
        let filter = "info,plantain=trace,graphql_engine=trace,http_parts=trace,rmcp=warn,sqlx=off";
        let filter = EnvFilter::new(filter);
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(|| Reader).init();
    });
}

/// From now on, no line may contain this prompt.
pub(super) fn add_prompt(prompt: &str) {
    // The marker of the simulator is among the secrets.
    if prompt.len() >= MIN_PROMPT_BYTES && prompt.len() < 200 && !prompt.contains("[sim:") {
        PROMPTS.lock().unwrap().insert(prompt.to_owned());
    }
}

/// Fails when a line contained a secret, maybe while another test ran.
pub(super) fn assert_no_secrets() {
    let leaks = std::mem::take(&mut *LEAKS.lock().unwrap());
    assert!(leaks.is_empty(), "the log contains {leaks:?}");
}

struct Reader;

impl io::Write for Reader {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        for (name, _) in SECRETS.iter().filter(|(_, secret)| text.contains(secret)) {
            LEAKS.lock().unwrap().push(format!("{name}: {text}"));
        }
        if PROMPTS.lock().unwrap().iter().any(|prompt| text.contains(prompt.as_str())) {
            LEAKS.lock().unwrap().push(format!("a prompt: {text}"));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
