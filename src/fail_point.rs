//! Points between what is claimed and what is recorded, at which a debug build can abort: `make soak` kills processes
//! there. A release build has none.

/// Aborts the process when this is the point of `PLANTAIN_FAIL_POINT`, which is a name and how many times it is reached,
/// such as `submit.called:3`.
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
