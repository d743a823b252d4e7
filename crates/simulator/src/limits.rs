//! The limits that providers state (`upstreams.md` 3.6, 4.6).

use std::collections::VecDeque;

use chrono::TimeDelta;

use plantain_clock::Timestamp;

use super::provider::Provider;

/// Moments of the latest calls.
pub(super) type Recent = VecDeque<Timestamp>;

/// Ace Data Cloud works on so many tasks at once.
const ACE_AT_ONCE: usize = 10;

/// 20 in 10 seconds for the kie family; for Ace Data Cloud it is what is at work that counts.
pub(super) fn permit_submission(
    provider: Provider,
    recent: &mut Recent,
    at_work: usize,
    now: Timestamp,
) -> bool {
    match provider {
        Provider::AceData => at_work < ACE_AT_ONCE,
        _ => permit(recent, 20, TimeDelta::seconds(10), now),
    }
}

/// 10 a second for the kie family. Ace Data Cloud's two pages say 60 and "under one": two leave room
/// for what the network does to the distance between calls.
pub(super) fn permit_query(provider: Provider, recent: &mut Recent, now: Timestamp) -> bool {
    let most = if provider == Provider::AceData { 2 } else { 10 };
    permit(recent, most, TimeDelta::seconds(1), now)
}

fn permit(recent: &mut Recent, most: usize, window: TimeDelta, now: Timestamp) -> bool {
    while recent.front().is_some_and(|at| *at <= now - window) {
        recent.pop_front();
    }
    let permitted = recent.len() < most;
    if permitted {
        recent.push_back(now);
    }
    permitted
}
