//! Quality values in `accept` headers: the parameter `q` (RFC 9110, 12.4.2).

/// The quality in thousandths; 1,000 when it is missing or invalid.
#[must_use]
pub fn thousandths(quality: Option<&str>) -> u16 {
    let quality: f32 = quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 1000"
    )]
    let thousandths = (quality.clamp(0.0, 1.0) * 1_000.0) as u16;
    thousandths
}
