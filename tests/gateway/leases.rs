//! Leases: what the worker that holds one learns is never lost.

use chrono::TimeDelta;
use plantain::domain::{
    Credits, JobTimings, JobUpdate, ProviderName, RateLimits, Status, TaskId, TimelineEventKind,
    Timestamp, UpdateTarget,
};
use plantain::hints::Hints;
use plantain::ids::Ids;
use plantain::store::{
    Authority, Claim, ClaimOptions, NewTimelineEntry, RecordOutcome, RecordRequest, StoreOptions,
    Stores,
};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{KilledApp, TestApp, eventually};

const LEASE: TimeDelta = TimeDelta::seconds(30);
const NANO_BANANA: ProviderName = ProviderName::NanoBanana;
const UNLIMITED: RateLimits = RateLimits {
    submissions: None,
    max_concurrent_jobs: None,
    queries_per_second: 1_000,
    ids_per_query: 1,
};

/// Workers of this test, with a task of a gateway that runs no longer.
struct Workers {
    app: KilledApp,
    ids: Ids,
    stores: Stores,
}

impl Workers {
    async fn start() -> Self {
        let app = TestApp::with(&["--submissions-per-10-seconds=0"]).await;
        app.user("ana").submit("a cat").await;
        let app = app.kill();
        let url = app.database.url();
        let options = StoreOptions {
            url,
            direct_url: None,
            max_connections: 8,
            initial_quota: Some(Credits::whole(100)),
            metrics: plantain::metrics::Metrics::new(&[]),
        };
        let timings = JobTimings {
            poll_interval: TimeDelta::seconds(30),
            task_timeout: TimeDelta::seconds(900),
        };
        let stores = Stores::open(&options, &Hints::default(), timings).unwrap();
        Self { app, ids: Ids::random(), stores }
    }

    fn options(&self) -> ClaimOptions {
        let lease = self.ids.uuid(self.now());
        ClaimOptions { lease, duration: LEASE, limit: 10 }
    }

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    async fn claim(&self, options: ClaimOptions) -> Vec<Claim> {
        let (store, clock) = (&self.stores.workers, &self.app.clock);
        store.claim_submissions(NANO_BANANA, UNLIMITED, options, clock).await.unwrap()
    }

    async fn record(&self, claim: &Claim, update: JobUpdate) -> RecordOutcome {
        let authority = Authority::Submitter {
            lease: claim.lease,
            started_at: claim.submit_started_at.unwrap(),
        };
        let request = RecordRequest {
            task: claim.task,
            target: UpdateTarget::Job(claim.number),
            authority,
            timeline_entry: NewTimelineEntry::new(TimelineEventKind::Polled, json!({})),
            update,
            now: self.now(),
        };
        self.stores.workers.record(request).await.unwrap()
    }
}

#[tokio::test]
async fn a_refusal_counts_after_the_lease_unless_the_job_was_submitted_again() {
    let workers = Workers::start().await;
    let [claim] = workers.claim(workers.options()).await.try_into().unwrap();
    workers.app.clock.advance(TimeDelta::seconds(31));
    let [interrupted] = workers.claim(workers.options()).await.try_into().unwrap();
    assert!(interrupted.response_lost && !claim.response_lost);
    let unconfirmed = workers.record(&interrupted, JobUpdate::ResponseLost).await;
    assert_eq!(unconfirmed, RecordOutcome::Applied(Status::Unconfirmed));

    let later = JobUpdate::Postponed { at: workers.now() };
    let queued = workers.record(&claim, later.clone()).await;
    assert_eq!(queued, RecordOutcome::Applied(Status::Queued));
    let [again] = workers.claim(workers.options()).await.try_into().unwrap();
    assert_eq!(workers.record(&claim, later.clone()).await, RecordOutcome::Blocked);
    let queued = workers.record(&again, later).await;
    assert_eq!(queued, RecordOutcome::Applied(Status::Queued));
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_found_by_its_lease() {
    let workers = Workers::start().await;
    let find = async |lost: ClaimOptions, claimed_after: Timestamp| {
        let now = workers.now();
        let store = &workers.stores.workers;
        store.find_lost_claim(NANO_BANANA, lost, claimed_after, now).await.unwrap()
    };
    let (lost, before) = (workers.options(), workers.now());
    assert!(find(lost, before).await.is_empty());
    workers.claim(lost).await;
    let [found] = find(lost, before).await.try_into().unwrap();
    assert!(!found.response_lost);
    assert!(workers.claim(workers.options()).await.is_empty());

    // A submission that another worker had begun is not repeated.
    workers.app.clock.advance(TimeDelta::seconds(31));
    let (lost, before) = (workers.options(), workers.now());
    workers.claim(lost).await;
    let [found] = find(lost, before).await.try_into().unwrap();
    assert!(found.response_lost);
}

#[tokio::test]
async fn a_lease_is_extended_until_it_is_lost() {
    let workers = Workers::start().await;
    let [claim] = workers.claim(workers.options()).await.try_into().unwrap();
    let store = &workers.stores.workers;
    for _ in 0..3 {
        workers.app.clock.advance(TimeDelta::seconds(20));
        assert!(store.renew_lease(&claim, workers.now() + LEASE).await.unwrap());
        assert!(workers.claim(workers.options()).await.is_empty());
    }
    workers.app.clock.advance(TimeDelta::seconds(31));
    assert_eq!(workers.claim(workers.options()).await.len(), 1);
    assert!(!store.renew_lease(&claim, workers.now() + LEASE).await.unwrap());
}

#[tokio::test]
async fn a_submission_that_takes_twice_its_lease_keeps_it() {
    let app = TestApp::start().await;
    let id = app.user("ana").submit("a cat [sim:hang][sim:callback=lost]").await;
    let submitted = || async { (app.simulator.counts().submissions == 1).then_some(()) };
    eventually("the submission", submitted).await;
    assert_that_the_lease_is_kept(&app, &id, 30).await;
    assert_eq!(app.simulator.counts().submissions, 1);
}

#[tokio::test]
async fn a_download_that_takes_twice_its_lease_keeps_it() {
    let app = TestApp::start().await;
    app.simulator.hold_results(true);
    let id = app.user("ana").submit("a cat").await;
    app.user("ana").wait_for_status(&id, "STORING").await;
    assert_that_the_lease_is_kept(&app, &id, 90).await;
    app.simulator.hold_results(false);
    let task = app.user("ana").wait_until_finished(&id).await;
    assert_eq!(task["status"], "SUCCEEDED", "{task}");
}

/// Moves the clock by twice the lease, in steps that are shorter than it.
async fn assert_that_the_lease_is_kept(app: &TestApp, id: &str, lease_seconds: i64) {
    let id: TaskId = id.parse().unwrap();
    let leased = || async {
        let query = "SELECT lease, next_step_at FROM jobs WHERE task_id = $1 AND lease IS NOT NULL";
        let mut database = app.database.connect().await;
        let row: Option<(Uuid, Timestamp)> =
            sqlx::query_as(query).bind(id.0).fetch_optional(&mut database).await.unwrap();
        row
    };
    let (lease, _) = eventually("a lease", leased).await;
    for _ in 0..6 {
        app.advance(lease_seconds / 3 + 1);
        // Extended for a whole lease from now on.
        let end = app.clock.now() + TimeDelta::seconds(lease_seconds * 2 / 3);
        let extended = || async { leased().await.filter(|(_, until)| *until > end) };
        let (kept, _) = eventually("the lease to be extended", extended).await;
        assert_eq!(kept, lease);
    }
}
