//! What the rules and the signatures cost. `cargo bench --bench micro`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::hint::black_box;

use chrono::TimeDelta;
use criterion::{Criterion, criterion_group, criterion_main};
use plantain::domain::{
    Credits, Job, JobTimings, JobUpdate, ProviderName, Status, TaskId, TaskSnapshot, TaskState,
    Timestamp, UpdateTarget, apply,
};
use plantain::links::Links;
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
}

fn queued_job(number: u16) -> Job {
    Job {
        number,
        provider: ProviderName::NanoBanana,
        status: Status::Queued,
        price: Credits::whole(4),
        image_count: 1,
        settled: None,
        upstream_id: None,
        results: Vec::new(),
        failure: None,
        next_step_at: Some(now()),
        expires_at: None,
        called_back: false,
        failed_transiently: false,
        step_attempts: 0,
    }
}

/// A task of four jobs.
fn queued_task() -> TaskSnapshot {
    let state = TaskState {
        status: Status::Queued,
        version: 1,
        failure: None,
        reserved: Credits::whole(16),
        settled: None,
        submitted_at: None,
        completed_at: None,
        updated_at: now(),
    };
    let jobs = (0..4).map(queued_job).collect();
    TaskSnapshot { state, jobs, deadline_at: None, available: None }
}

fn rules(criterion: &mut Criterion) {
    let (task, now) = (queued_task(), now());
    let minute = TimeDelta::minutes(1);
    let timings = JobTimings { poll_interval: minute, task_timeout: minute * 15 };
    let update = JobUpdate::AcceptedByProvider {
        provider: ProviderName::NanoBanana,
        upstream_id: "an id of the provider".to_owned(),
    };
    criterion.bench_function("apply: an acceptance of one of four jobs", |bencher| {
        bencher.iter(|| apply(black_box(&task), UpdateTarget::Job(2), &update, &timings, now));
    });
}

fn signatures(criterion: &mut Criterion) {
    let secret = "a secret of the benchmark, of at least 32 bytes".into();
    let links = Links::new("https://plantain.example".parse().unwrap(), &[secret]);
    let path = "task_018f3c1e/0-0/original.png";
    criterion.bench_function("sign: a link to an image", |bencher| {
        bencher.iter(|| links.stored(black_box(path), now()));
    });
    let task = TaskId(Uuid::from_u128(1 << 96));
    criterion.bench_function("sign: a callback URL", |bencher| {
        bencher.iter(|| links.callback(ProviderName::NanoBanana, black_box(task), 3));
    });
}

criterion_group!(benches, rules, signatures);
criterion_main!(benches);
