//! What the fuzz targets in `fuzz/` run, and a test with the committed inputs: each function reads, as the
//! gateway does, bytes that a stranger can choose, and panics when a rule does not hold.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use std::str::FromStr;
use std::sync::LazyLock;

use crate::domain::{
    BoardId, DeliveryId, EndpointId, ImageId, ProviderName, TaskId, Timestamp, UploadId,
};
pub use crate::graphql::fuzzing::{cursor, document, variables};
pub use crate::http::fuzzing::{headers, mcp_message};
pub use crate::image_store::fuzzing::image;
use crate::links::Links;
pub use crate::mcp::fuzzing::tool_arguments;
pub use crate::providers::fuzzing::{callback, reply};

/// A target: its name, which is also that of its folder of inputs, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("callback", callback),
    ("reply", reply),
    ("image", image),
    ("cursor", cursor),
    ("id", id),
    ("link", link),
    ("document", document),
    ("variables", variables),
    ("mcp_message", mcp_message),
    ("tool_arguments", tool_arguments),
    ("headers", headers),
];

/// The text of the bytes; a target that reads text ignores others.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Ids of every kind: what is accepted is written in exactly one way.
pub fn id(bytes: &[u8]) {
    fn is_canonical<I: FromStr + ToString>(text: &str) {
        if let Ok(id) = text.parse::<I>() {
            assert_eq!(id.to_string(), text);
        }
    }
    let Some(text) = text(bytes) else { return };
    is_canonical::<TaskId>(text);
    is_canonical::<ImageId>(text);
    is_canonical::<BoardId>(text);
    is_canonical::<UploadId>(text);
    is_canonical::<EndpointId>(text);
    is_canonical::<DeliveryId>(text);
}

/// Signed links: no guess is valid.
pub fn link(bytes: &[u8]) {
    static LINKS: LazyLock<Option<Links>> = LazyLock::new(|| {
        let url = "https://plantain.example.com".parse().ok()?;
        Some(Links::new(url, &["a secret that nobody guesses".into()]))
    });
    let (Some(text), Some(links)) = (text(bytes), LINKS.as_ref()) else { return };
    let (path, signature) = text.split_once('?').unwrap_or((text, text));
    let now = Timestamp::UNIX_EPOCH;
    assert!(!links.verify_image(path, i64::MAX, signature, now));
    if let Ok(upload) = path.parse() {
        assert!(!links.verify_upload(upload, i64::MAX, signature, now));
    }
    if let Ok(task) = path.parse() {
        for provider in ProviderName::ALL {
            assert_eq!(links.verify_callback(provider, task, signature), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_committed_input_keeps_the_rules() {
        for (name, run) in TARGETS {
            let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let inputs: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
            assert!(inputs.len() >= 3, "{folder} has {} inputs", inputs.len());
            for input in inputs {
                run(&std::fs::read(input.unwrap().path()).unwrap());
            }
        }
    }
}
