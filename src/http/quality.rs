//! What a client likes how much: the parameter `q` of its `accept` headers (RFC 9110, 12.4.2).

/// In thousandths; 1,000 when it is missing or unreadable.
pub(super) fn thousandths(quality: Option<&str>) -> u16 {
    let quality: f32 = quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 1000"
    )]
    let thousandths = (quality.clamp(0.0, 1.0) * 1_000.0) as u16;
    thousandths
}
