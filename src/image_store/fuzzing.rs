//! Files of images, read from any bytes.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use super::image_file::{inspect, sanitize, working_bytes};

/// The gateway decodes within its budget of memory; here, a larger image only takes longer.
const MAX_WORKING_BYTES: u64 = 8 * 1024 * 1024;

/// Files: what is accepted has sides, and is still an image without its metadata.
pub fn image(bytes: &[u8]) {
    if !working_bytes(bytes).is_ok_and(|size| size <= MAX_WORKING_BYTES) {
        return;
    }
    let Ok(info) = inspect(bytes) else { return };
    assert!(info.width > 0 && info.height > 0, "an image without pixels");
    if let Ok(sanitized) = sanitize(bytes, u64::MAX) {
        assert!(inspect(&sanitized.bytes).is_ok(), "the copy is not readable");
    }
}
