//! Documents that are generated from a test run.

use std::fs;
use std::path::Path;

/// Fails unless the file contains exactly this text. With `PLANTAIN_WRITE_DOCS` set, writes it.
pub(crate) fn assert_generated(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("PLANTAIN_WRITE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let mut lines = written.lines().zip(text.lines());
    let differs = lines.find(|(written, seen)| written != seen);
    assert!(written == text, "{file} is outdated, run `make docs`: {differs:?}");
}
