//! The documented rate limits of the providers.

use std::collections::VecDeque;

use chrono::TimeDelta;

use plantain_clock::Timestamp;

use super::provider::Provider;

/// Times of the latest calls.
pub(super) type RecentCalls = VecDeque<Timestamp>;

/// Maximum number of concurrent tasks at Ace Data Cloud.
const ACE_MAX_CONCURRENT_TASKS: usize = 10;

/// 20 in 10 seconds for the kie family; Ace Data Cloud limits concurrent tasks.
pub(super) fn permit_submission(
    provider: Provider,
    recent: &mut RecentCalls,
    unfinished_count: usize,
    now: Timestamp,
) -> bool {
    match provider {
        Provider::AceData => unfinished_count < ACE_MAX_CONCURRENT_TASKS,
        _ => permit(recent, 20, TimeDelta::seconds(10), now),
    }
}

/// 10 per second for the kie family. Ace Data Cloud documents 60 on one page and "under one" on another: 2
/// allows one per second in spite of network jitter.
pub(super) fn permit_query(provider: Provider, recent: &mut RecentCalls, now: Timestamp) -> bool {
    let limit = if provider == Provider::AceData { 2 } else { 10 };
    permit(recent, limit, TimeDelta::seconds(1), now)
}

fn permit(recent: &mut RecentCalls, limit: usize, window: TimeDelta, now: Timestamp) -> bool {
    while recent.front().is_some_and(|at| *at <= now - window) {
        recent.pop_front();
    }
    let permitted = recent.len() < limit;
    if permitted {
        recent.push_back(now);
    }
    permitted
}
