//! Random operations, in random order and partly concurrent: the credit invariants hold after each.

use std::sync::Mutex;

use chrono::TimeDelta;
use futures_util::future::join_all;
use plantain::clock::Clock;
use plantain::domain::{
    AuditEntry, Catalog, Credits, Failure, FailureCode, Image, ImageFormat, ImageRequest,
    JobTimings, JobUpdate, Model, NewTask, ProviderName, ProviderOptions, ResultLink, Status,
    TaskId, TaskKind, TaskSpec, Timestamp, UpdateTarget, UserId, job_sizes,
};
use plantain::hints::Hints;
use plantain::ids::Ids;
use plantain::metrics::Metrics;
use plantain::providers::Registry;
use plantain::store::{
    Authority, Claim, ClaimOptions, CreateOutcome, Grant, NewTimelineEntry, RecordRequest, Store,
    StoreOptions, Stores, UserLimits,
};
use proptest::prelude::*;

use super::invariants::assert_invariants;
use crate::harness::Database;

const MODELS: [&str; 3] = ["nano-banana", "flux-kontext-pro", "ace/nano-banana"];
const QUOTA: Credits = Credits::whole(30);

/// An operation of a user, a worker or the clock.
#[derive(Debug, Clone)]
enum Step {
    Submit {
        user: u8,
        model: usize,
        count: u32,
    },
    /// Workers claim queued jobs.
    Claim,
    /// A worker records the result of one of its claims, at any later time.
    CompleteClaim {
        claim: usize,
        update: usize,
    },
    /// The inbox, the sweep or a user updates a job or a task.
    UpdateJob {
        task: usize,
        job: u16,
        update: usize,
    },
    Retry {
        task: usize,
    },
    Grant {
        user: u8,
        amount: i64,
        key: u8,
    },
    Reroute {
        task: usize,
        from: usize,
        to: usize,
    },
    /// The clock moves forward.
    AdvanceClock,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let task = 0..12_usize;
    let step = prop_oneof![
        4 => (0..2_u8, 0..3_usize, 1..=4_u32)
            .prop_map(|(user, model, count)| Step::Submit { user, model, count }),
        4 => Just(Step::Claim),
        10 => (0..30_usize, 0..10_usize)
            .prop_map(|(claim, update)| Step::CompleteClaim { claim, update }),
        6 => (task.clone(), 0..4_u16, 0..7_usize)
            .prop_map(|(task, job, update)| Step::UpdateJob { task, job, update }),
        1 => task.clone().prop_map(|task| Step::Retry { task }),
        1 => (0..2_u8, 1..9_i64, 0..3_u8)
            .prop_map(|(user, amount, key)| Step::Grant { user, amount, key }),
        3 => (task, 0..3_usize, 0..3_usize)
            .prop_map(|(task, from, to)| Step::Reroute { task, from, to }),
        1 => Just(Step::AdvanceClock),
    ];
    // The steps of an inner list run concurrently.
    proptest::collection::vec(proptest::collection::vec(step, 1..5), 1..25)
}

struct Fixture {
    stores: Stores,
    store: Store,
    catalog: Catalog,
    ids: Ids,
    clock: Clock,
    database: Database,
    claims: Mutex<Vec<Claim>>,
}

const LIMITS: UserLimits = UserLimits { max_unfinished_tasks: 100, max_stored_bytes: u64::MAX };

impl Fixture {
    async fn create() -> Self {
        let database = Database::create().await;
        let options = StoreOptions {
            url: database.url(),
            direct_url: None,
            max_connections: 8,
            initial_quota: Some(QUOTA),
            metrics: Metrics::new(&[]),
        };
        let timings = JobTimings {
            poll_interval: TimeDelta::seconds(30),
            task_timeout: TimeDelta::seconds(900),
        };
        let stores = Stores::open(&options, &Hints::default(), timings).unwrap();
        let catalog = Registry::default().catalog();
        Self {
            store: stores.clients.clone(),
            stores,
            catalog,
            ids: Ids::seeded(1),
            clock: Clock::system(),
            database,
            claims: Mutex::default(),
        }
    }

    fn model(&self, number: usize) -> &'static Model {
        self.catalog.find_known(MODELS[number]).unwrap()
    }

    async fn submit(&self, user: u8, model: usize, count: u32) -> Option<TaskId> {
        self.create_task(owner(user), request(count), self.model(model)).await
    }

    /// Retries a finished task as its owner would.
    async fn retry(&self, id: TaskId) -> Option<TaskId> {
        for user in 0..2 {
            let Some(task) = self.store.reads().find_task(&owner(user), id).await.unwrap() else {
                continue;
            };
            if task.state.status.is_terminal() {
                let model = self.catalog.find_known(&task.model).unwrap();
                return self.create_task(task.owner, task.spec.request, model).await;
            }
        }
        None
    }

    async fn create_task(
        &self,
        owner: UserId,
        request: ImageRequest,
        model: &'static Model,
    ) -> Option<TaskId> {
        let now = self.clock.now();
        let new = NewTask {
            id: self.ids.task(now),
            owner,
            spec: TaskSpec::new(request),
            model,
            model_named: false,
            idempotency_key: None,
            input_digest: vec![],
            deadline_at: None,
            trace_parent: None,
        };
        match self.store.create(&new, LIMITS, now).await.unwrap() {
            CreateOutcome::New(task) => Some(task.id),
            CreateOutcome::InsufficientCredits { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    async fn claim(&self) {
        let rate_limits = plantain::providers::kie_rate_limits(1000, 1000);
        let claim_options = || ClaimOptions {
            lease: self.ids.uuid(self.clock.now()),
            duration: TimeDelta::seconds(30),
            limit: 2,
        };
        for name in ProviderName::ALL {
            let (store, clock) = (&self.store, &self.clock);
            let queued =
                store.claim_submissions(name, rate_limits, claim_options(), clock).await.unwrap();
            let generating =
                store.claim_polls(name, rate_limits, claim_options(), clock).await.unwrap();
            self.claims.lock().unwrap().extend(queued.into_iter().chain(generating));
        }
        let storing = self.store.claim_downloads(claim_options(), self.clock.now()).await.unwrap();
        self.claims.lock().unwrap().extend(storing);
    }

    /// Records a result for one of the claims, which may be the newest or an outdated one.
    async fn complete_claim(&self, number: usize, update: usize) {
        let claim = {
            let claims = self.claims.lock().unwrap();
            let Some(last) = claims.len().checked_sub(1) else { return };
            claims[last - number % claims.len()].clone()
        };
        let now = self.clock.now();
        let failure = || Failure::new(FailureCode::UpstreamAuth, "it failed");
        let link = || ResultLink { url: "https://x/a".into(), expires_at: now };
        let update = match (claim.status, update) {
            (Status::Queued, _) if claim.response_lost => JobUpdate::ResponseLost,
            (Status::Queued, 0..=4) => JobUpdate::AcceptedByProvider {
                provider: claim.provider,
                upstream_id: format!("{}-{}", claim.task, claim.number),
            },
            (Status::Queued, 5) => JobUpdate::ResponseLost,
            (Status::Queued, 6 | 7) => JobUpdate::NeedsReroute(failure()),
            (Status::Queued, 8) => JobUpdate::TransientFailure { at: now },
            (Status::Generating, 0..=6) => JobUpdate::ResultsReady { results: vec![link()] },
            (Status::Storing, 0..=6) => {
                JobUpdate::Stored { images: vec![self.image(claim.task, claim.number, now)] }
            }
            (_, 9) => JobUpdate::Postponed { at: now },
            _ => JobUpdate::Failed(failure()),
        };
        let target = UpdateTarget::Job(claim.number);
        self.record(claim.task, target, Authority::Lease(claim.lease), &update).await;
    }

    async fn update_job(&self, task: TaskId, job: u16, update: usize) {
        let (authority, part) = (Authority::Gateway, UpdateTarget::Job(job));
        let (target, update) = match update {
            0 => {
                let provider = ProviderName::ALL[usize::from(job) % 3];
                let upstream_id = format!("{task}-{job}");
                let poll_at = self.clock.now();
                (part, JobUpdate::CallbackReceived { provider, upstream_id, poll_at })
            }
            1 => (part, JobUpdate::Expired),
            2 => (UpdateTarget::Task, JobUpdate::Canceled),
            3 => (UpdateTarget::Task, JobUpdate::Resubmitted),
            4 => (UpdateTarget::Task, JobUpdate::NoAlternative),
            5 => (UpdateTarget::Task, JobUpdate::Refunded),
            _ => (UpdateTarget::Task, JobUpdate::Released),
        };
        self.record(task, target, authority, &update).await;
    }

    async fn record(
        &self,
        task: TaskId,
        target: UpdateTarget,
        authority: Authority,
        update: &JobUpdate,
    ) {
        let (entry, now) = (NewTimelineEntry::of(update), self.clock.now());
        let request = RecordRequest {
            task,
            target,
            authority,
            update: update.clone(),
            timeline_entry: entry,
            now,
        };
        self.store.record(request).await.unwrap();
    }

    fn image(&self, task_id: TaskId, job: u16, now: Timestamp) -> Image {
        Image {
            id: self.ids.image(now),
            task_id,
            job,
            position: 0,
            width: 1,
            height: 1,
            format: ImageFormat::Png,
            byte_size: 1,
            sha256: [0; 32],
            thumbhash: vec![1],
            created_at: now,
        }
    }

    /// Executes the step and returns the id of the task that it created, if any.
    async fn execute(&self, step: &Step, tasks: &[TaskId]) -> Option<TaskId> {
        let task = |number: usize| tasks.get(number % tasks.len().max(1)).copied();
        match step {
            Step::Submit { user, model, count } => return self.submit(*user, *model, *count).await,
            Step::Claim => self.claim().await,
            Step::UpdateJob { task: number, job, update } => {
                if let Some(task) = task(*number) {
                    self.update_job(task, *job, *update).await;
                }
            }
            Step::CompleteClaim { claim, update } => self.complete_claim(*claim, *update).await,
            Step::Retry { task: number } => return self.retry(task(*number)?).await,
            Step::Grant { user, amount, key } => {
                let grant = Grant {
                    user: &owner(*user),
                    amount: Credits::whole(*amount),
                    reason: "a test",
                    idempotency_key: &format!("key {key}"),
                };
                self.store.grant(grant, audit_entry(self.clock.now())).await.unwrap();
            }
            Step::Reroute { task: number, from, to } => {
                if let Some(task) = task(*number) {
                    let (from, to) = (self.model(*from).provider, self.model(*to));
                    let update =
                        JobUpdate::Rerouted { from, to, job_sizes: job_sizes(&request(2), to) };
                    self.record(task, UpdateTarget::Task, Authority::Gateway, &update).await;
                }
            }
            Step::AdvanceClock => self.clock.advance(TimeDelta::seconds(400)),
        }
        None
    }
}

fn audit_entry(at: Timestamp) -> AuditEntry {
    AuditEntry {
        id: Ids::random().uuid(at),
        at,
        actor: "a test".to_owned(),
        action: "grantCredits".to_owned(),
        target: "a user".to_owned(),
        before: None,
        after: None,
        finished_at: None,
    }
}

fn owner(user: u8) -> UserId {
    UserId::parse(format!("user {user}")).unwrap()
}

fn request(count: u32) -> ImageRequest {
    ImageRequest {
        kind: TaskKind::Generate,
        prompt: "a cat".to_owned(),
        images: vec![],
        count,
        aspect_ratio: None,
        resolution: None,
        output_format: None,
        watermark: None,
        options: ProviderOptions::default(),
    }
}

async fn run(steps: Vec<Vec<Step>>) {
    let fixture = Fixture::create().await;
    let mut database = fixture.database.connect().await;
    let mut tasks = Vec::new();
    for number in 0..steps.len() {
        let made = join_all(steps[number].iter().map(|step| fixture.execute(step, &tasks))).await;
        tasks.extend(made.into_iter().flatten());
        assert_invariants(&mut database, &steps[..=number]).await;
    }
    fixture.stores.close().await;
}

#[test]
fn credits_balance_after_every_step_of_concurrent_operations() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        max_shrink_iters: 50,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps())| {
        runtime.block_on(run(steps));
    });
}

#[tokio::test]
async fn a_job_accepted_after_its_task_was_canceled_costs_at_most_the_remaining_credits() {
    let fixture = Fixture::create().await;
    let mut database = fixture.database.connect().await;
    let first = fixture.submit(0, 1, 4).await.unwrap();
    fixture.claim().await;
    fixture.record(first, UpdateTarget::Task, Authority::Gateway, &JobUpdate::Canceled).await;
    // Of 30 credits, these reserve 28. Two jobs of the canceled task, 5 credits each, are accepted
    // late.
    fixture.submit(0, 0, 4).await.unwrap();
    fixture.submit(0, 0, 3).await.unwrap();
    fixture.complete_claim(0, 0).await;
    assert_invariants(&mut database, "a late acceptance").await;
    fixture.complete_claim(1, 0).await;
    assert_invariants(&mut database, "a late acceptance").await;
    let quota = fixture.store.reads().find_user_quota(&owner(0)).await.unwrap().unwrap();
    assert_eq!((quota.spent, quota.available()), (Credits::whole(2), Credits::ZERO));
}
