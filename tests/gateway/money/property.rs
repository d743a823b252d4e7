//! Whatever happens in whatever order, at the same time or not: promise 6 holds after each step.

use std::sync::Mutex;

use chrono::TimeDelta;
use futures_util::future::join_all;
use plantain::clock::Clock;
use plantain::domain::{
    Catalog, Credits, Failure, FailureCode, Image, MediaType, Model, NewTask, ProviderName,
    ProviderOptions, Report, Request, ResultLink, Rules, Scope, Status, TaskId, TaskKind,
    Timestamp, UserId, parts,
};
use plantain::hints::Hints;
use plantain::ids::Ids;
use plantain::providers::Registry;
use plantain::store::{By, Claim, Created, Grant, Limits, Note, Store, StoreOptions, Terms, Told};
use proptest::prelude::*;
use sqlx::PgConnection;

use crate::harness::Database;

const MODELS: [&str; 3] = ["nano-banana", "flux-kontext-pro", "ace/nano-banana"];
const QUOTA: Credits = Credits::whole(30);

/// Something that somebody does.
#[derive(Debug, Clone)]
enum Step {
    Submit {
        user: u8,
        model: usize,
        count: u32,
    },
    /// Workers take what is queued.
    Claim,
    /// A worker says what became of something that it took, at any later time.
    Work {
        claim: usize,
        report: usize,
    },
    /// An inbox, the sweep or a user says something about a part of a task.
    Tell {
        task: usize,
        job: u16,
        report: usize,
    },
    Retry {
        task: usize,
    },
    Grant {
        user: u8,
        amount: i64,
        key: u8,
    },
    Move {
        task: usize,
        from: usize,
        to: usize,
    },
    /// Time passes.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let task = 0..12_usize;
    let step = prop_oneof![
        4 => (0..2_u8, 0..3_usize, 1..=4_u32)
            .prop_map(|(user, model, count)| Step::Submit { user, model, count }),
        4 => Just(Step::Claim),
        10 => (0..30_usize, 0..10_usize)
            .prop_map(|(claim, report)| Step::Work { claim, report }),
        6 => (task.clone(), 0..4_u16, 0..6_usize)
            .prop_map(|(task, job, report)| Step::Tell { task, job, report }),
        1 => task.clone().prop_map(|task| Step::Retry { task }),
        1 => (0..2_u8, 1..9_i64, 0..3_u8)
            .prop_map(|(user, amount, key)| Step::Grant { user, amount, key }),
        3 => (task, 0..3_usize, 0..3_usize)
            .prop_map(|(task, from, to)| Step::Move { task, from, to }),
        1 => Just(Step::Wait),
    ];
    // What stands together happens at the same time.
    proptest::collection::vec(proptest::collection::vec(step, 1..5), 1..25)
}

struct World {
    store: Store,
    catalog: Catalog,
    ids: Ids,
    clock: Clock,
    database: Database,
    claims: Mutex<Vec<Claim>>,
}

impl World {
    async fn create() -> Self {
        let database = Database::create().await;
        let options = StoreOptions { url: database.url(), max_connections: 6, quota: Some(QUOTA) };
        let rules =
            Rules { poll_every: TimeDelta::seconds(30), task_timeout: TimeDelta::seconds(900) };
        let store = Store::open(&options, Hints::default(), rules).unwrap();
        let catalog = Registry::default().catalog();
        Self {
            store,
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

    /// What a user does with a task that is over.
    async fn retry(&self, id: TaskId) -> Option<TaskId> {
        for user in 0..2 {
            let Some(task) = self.store.find_task(&owner(user), id).await.unwrap() else {
                continue;
            };
            if task.state.status.is_terminal() {
                let model = self.catalog.find_known(&task.model).unwrap();
                return self.create_task(task.owner, task.request, model).await;
            }
        }
        None
    }

    async fn create_task(
        &self,
        owner: UserId,
        request: Request,
        model: &'static Model,
    ) -> Option<TaskId> {
        let now = self.clock.now();
        let new = NewTask {
            id: self.ids.task(now),
            owner,
            request,
            model,
            model_named: false,
            max_credits: None,
            metadata: None,
            board: None,
            idempotency_key: None,
            input_digest: vec![],
            deadline_at: None,
        };
        match self.store.create(&new, Limits { unfinished_tasks: 100 }, now).await.unwrap() {
            Created::New(task) => Some(task.id),
            Created::Insufficient { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    async fn claim(&self) {
        let pace = plantain::providers::kie_pace(1000, 1000);
        let terms = || Terms {
            lease: self.ids.uuid(self.clock.now()),
            duration: TimeDelta::seconds(30),
            limit: 2,
        };
        for name in ProviderName::ALL {
            let (store, clock) = (&self.store, &self.clock);
            let queued = store.claim_submissions(name, pace, terms(), clock).await.unwrap();
            let generating = store.claim_queries(name, pace, terms(), clock).await.unwrap();
            self.claims.lock().unwrap().extend(queued.into_iter().chain(generating));
        }
        let storing = self.store.claim_downloads(terms(), self.clock.now()).await.unwrap();
        self.claims.lock().unwrap().extend(storing);
    }

    /// The claim may be the newest or long outdated.
    async fn work(&self, number: usize, report: usize) {
        let claim = {
            let claims = self.claims.lock().unwrap();
            let Some(last) = claims.len().checked_sub(1) else { return };
            claims[last - number % claims.len()].clone()
        };
        let now = self.clock.now();
        let failure = || Failure::new(FailureCode::UpstreamAuth, "it failed");
        let link = || ResultLink { url: "https://x/a".into(), expires_at: now };
        let report = match (claim.status, report) {
            (Status::Queued, _) if claim.answer_lost => Report::AnswerLost,
            (Status::Queued, 0..=4) => Report::Accepted {
                provider: claim.provider,
                upstream_id: format!("{}-{}", claim.task, claim.number),
            },
            (Status::Queued, 5) => Report::AnswerLost,
            (Status::Queued, 6 | 7) => Report::Refused(failure()),
            (Status::Queued, 8) => Report::Faltered { at: now },
            (Status::Generating, 0..=6) => Report::Finished { results: vec![link()] },
            (Status::Storing, 0..=6) => {
                Report::Stored { images: vec![self.image(claim.task, claim.number, now)] }
            }
            (_, 9) => Report::Later { at: now },
            _ => Report::Failed(failure()),
        };
        let scope = Scope::Job(claim.number);
        self.record(claim.task, scope, By::Lease(claim.lease), &report).await;
    }

    async fn tell(&self, task: TaskId, job: u16, report: usize) {
        let (by, part) = (By::Gateway, Scope::Job(job));
        let (scope, report) = match report {
            0 => {
                let provider = ProviderName::ALL[usize::from(job) % 3];
                let upstream_id = format!("{task}-{job}");
                let ask_at = self.clock.now();
                (part, Report::CalledBack { provider, upstream_id, ask_at })
            }
            1 => (part, Report::Expired),
            2 => (Scope::Task, Report::Canceled),
            3 => (Scope::Task, Report::Resubmitted),
            4 => (Scope::Task, Report::Stranded),
            _ => (Scope::Task, Report::Released),
        };
        self.record(task, scope, by, &report).await;
    }

    async fn record(&self, task: TaskId, scope: Scope, by: By<'_>, report: &Report) {
        let told = Told { task, scope, by, report, note: Note::of(report) };
        self.store.record(told, self.clock.now()).await.unwrap();
    }

    fn image(&self, task_id: TaskId, job: u16, now: Timestamp) -> Image {
        Image {
            id: self.ids.image(now),
            task_id,
            job,
            position: 0,
            width: 1,
            height: 1,
            media_type: MediaType::Png,
            byte_size: 1,
            sha256: [0; 32],
            thumbhash: vec![1],
            created_at: now,
        }
    }

    /// What the step made, if it made a task.
    async fn take(&self, step: &Step, tasks: &[TaskId]) -> Option<TaskId> {
        let task = |number: usize| tasks.get(number % tasks.len().max(1)).copied();
        match step {
            Step::Submit { user, model, count } => return self.submit(*user, *model, *count).await,
            Step::Claim => self.claim().await,
            Step::Tell { task: number, job, report } => {
                if let Some(task) = task(*number) {
                    self.tell(task, *job, *report).await;
                }
            }
            Step::Work { claim, report } => self.work(*claim, *report).await,
            Step::Retry { task: number } => return self.retry(task(*number)?).await,
            Step::Grant { user, amount, key } => {
                let grant = Grant {
                    to: &owner(*user),
                    amount: Credits::whole(*amount),
                    reason: "a test",
                    idempotency_key: &format!("key {key}"),
                };
                self.store.grant(grant, self.clock.now()).await.unwrap();
            }
            Step::Move { task: number, from, to } => {
                if let Some(task) = task(*number) {
                    let (from, to) = (self.model(*from).provider, self.model(*to));
                    let report = Report::Moved { from, to, parts: parts(&request(2), to) };
                    self.record(task, Scope::Task, By::Gateway, &report).await;
                }
            }
            Step::Wait => self.clock.advance(TimeDelta::seconds(400)),
        }
        None
    }
}

fn owner(user: u8) -> UserId {
    UserId::parse(format!("user {user}")).unwrap()
}

fn request(count: u32) -> Request {
    Request {
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

/// Everything that promise 6 says, as questions whose answer must be "nobody" and "nothing".
const BROKEN: [(&str, &str); 9] = [
    (
        "what is queued waits for a worker, or was refused and may move",
        "SELECT task_id::text FROM jobs JOIN tasks ON id = task_id
        WHERE jobs.status = 'QUEUED' AND next_step_at IS NULL AND (failure IS NULL OR model_named)",
    ),
    ("nobody is below zero", "SELECT id FROM users WHERE granted < reserved + spent"),
    (
        "what is held is what live tasks hold, what is spent is what ended ones cost",
        "SELECT u.id FROM users AS u LEFT JOIN tasks AS t ON t.owner = u.id GROUP BY u.id
        HAVING u.reserved <> COALESCE(sum((t.state ->> 'reserved')::bigint), 0)
            OR u.spent <> COALESCE(sum((t.state ->> 'settled')::bigint), 0)",
    ),
    (
        "the totals are those of the ledger",
        "SELECT u.id FROM users AS u LEFT JOIN ledger AS l ON l.owner = u.id GROUP BY u.id
        HAVING u.reserved <> COALESCE(sum(CASE 'reserved' WHEN to_account THEN amount WHEN from_account THEN -amount END), 0)
            OR u.spent <> COALESCE(sum(amount) FILTER (WHERE to_account = 'spent'), 0)
            OR u.granted <> COALESCE(sum(amount) FILTER (WHERE from_account = 'operator'), 0)",
    ),
    (
        "a task that is over holds nothing, and one that is not has cost nothing yet",
        "SELECT id::text FROM tasks WHERE (state ->> 'settled' IS NULL)
            <> (status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING'))
            OR (state ->> 'settled' IS NOT NULL AND (state ->> 'reserved')::bigint <> 0)",
    ),
    (
        "a task costs what its jobs do",
        "SELECT t.id::text FROM tasks AS t JOIN jobs AS j ON j.task_id = t.id GROUP BY t.id
        HAVING (state ->> 'settled')::bigint <> sum(j.settled)",
    ),
    (
        "what no provider took costs nothing",
        "SELECT task_id::text FROM jobs WHERE settled > 0 AND upstream_id IS NULL",
    ),
    (
        "every version of a task is one event, and status and event agree",
        "SELECT t.id::text FROM tasks AS t LEFT JOIN events AS e ON e.task_id = t.id GROUP BY t.id
        HAVING count(e) <> (t.state ->> 'version')::bigint
            OR NOT bool_or(e.state = t.state)",
    ),
    (
        "each user's events are numbered without a gap",
        "SELECT u.id FROM users AS u LEFT JOIN events AS e ON e.owner = u.id GROUP BY u.id
        HAVING count(e) <> u.last_seq",
    ),
];

async fn check(database: &mut PgConnection, so_far: &[Vec<Step>]) {
    for (promise, broken) in BROKEN {
        let broken: Vec<String> =
            sqlx::query_scalar(broken).fetch_all(&mut *database).await.unwrap();
        assert!(broken.is_empty(), "not kept: {promise}: {broken:?} after {so_far:?}");
    }
}

async fn run(steps: Vec<Vec<Step>>) {
    let world = World::create().await;
    let mut database = world.database.connect().await;
    let mut tasks = Vec::new();
    for number in 0..steps.len() {
        let made = join_all(steps[number].iter().map(|step| world.take(step, &tasks))).await;
        tasks.extend(made.into_iter().flatten());
        check(&mut database, &steps[..=number]).await;
    }
    world.store.close().await;
}

#[test]
fn credits_balance_after_every_step_whatever_happens_at_the_same_time() {
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
async fn a_task_that_is_taken_after_its_end_costs_no_more_than_is_left() {
    let world = World::create().await;
    let mut database = world.database.connect().await;
    let first = world.submit(0, 1, 4).await.unwrap();
    world.claim().await;
    world.record(first, Scope::Task, By::Gateway, &Report::Canceled).await;
    // 30 in all: 28 are held for these, and two parts of the first at 5 come late.
    world.submit(0, 0, 4).await.unwrap();
    world.submit(0, 0, 3).await.unwrap();
    world.work(0, 0).await;
    check(&mut database, &[]).await;
    world.work(1, 0).await;
    check(&mut database, &[]).await;
    let allowance = world.store.find_allowance(&owner(0)).await.unwrap().unwrap();
    assert_eq!((allowance.spent, allowance.available()), (Credits::whole(2), Credits::ZERO));
}
