//! Faults that a debug build can have, for `make soak`: points between what is claimed and what is recorded, at which it
//! aborts, and a clock that is wrong. A release build has none.

#[cfg(feature = "dev")]
use chrono::TimeDelta;

/// Aborts the process when this is the point of `PLANTAIN_FAIL_POINT`, which is a name and a count: with `submit.called:3`, the
/// process aborts when it reaches that point for the third time.
#[cfg(debug_assertions)]
pub(crate) fn reach(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static CHOSEN: LazyLock<Option<(String, AtomicU32)>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "no setting of the gateway")]
        let setting = std::env::var("PLANTAIN_FAIL_POINT").ok()?;
        let (name, count) = setting.split_once(':')?;
        Some((name.to_owned(), AtomicU32::new(count.parse().ok()?)))
    });
    if let Some((chosen, left)) = CHOSEN.as_ref()
        && chosen == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_name: &str) {}

/// By how much the clock of this machine is wrong: the seconds of `PLANTAIN_CLOCK_ERROR`.
#[cfg(feature = "dev")]
pub(crate) fn clock_error() -> TimeDelta {
    #[expect(clippy::disallowed_methods, reason = "no setting of the gateway")]
    let setting = cfg!(debug_assertions).then(|| std::env::var("PLANTAIN_CLOCK_ERROR").ok());
    let seconds = setting.flatten().and_then(|seconds| seconds.parse().ok());
    TimeDelta::seconds(seconds.unwrap_or(0))
}
