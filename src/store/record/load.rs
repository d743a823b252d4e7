//! Loads and locks the tasks of updates, with their jobs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sqlx::types::Json;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Authority, RecordRequest};
use crate::domain::{
    Credits, Failure, Job, JobUpdate, ResultLink, TaskId, TaskSnapshot, TaskState, Timestamp,
    UpdateTarget, UserId,
};
use crate::store::StoreError;
use crate::store::rows::{checked_int, owner, provider, status};

/// A task before an update.
pub(super) struct LoadedTask {
    pub(super) owner: UserId,
    pub(super) snapshot: TaskSnapshot,
    /// The lease of each job.
    pub(super) leases: Vec<Option<Uuid>>,
    /// When the submission of each job was claimed.
    pub(super) submissions: Vec<Option<Timestamp>>,
    /// Whether the submission named a board.
    pub(super) has_board: bool,
}

/// The tasks of these requests (at most one request for each task), locked until the transaction ends; those of other
/// users are omitted. A task that cannot be decoded does not fail the others.
pub(super) async fn load(
    tx: &mut Transaction<'_, Postgres>,
    requests: &[&RecordRequest],
) -> Result<HashMap<TaskId, Result<LoadedTask, StoreError>>, StoreError> {
    let mut loaded = load_rows(tx, requests).await?;
    let is_missing = |request: &&&RecordRequest| !loaded.contains_key(&request.task);
    let missing: Vec<_> = requests.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() {
        // The jobs were replaced while the statement waited for their lock: a second read finds the
        // new ones.
        loaded.extend(load_rows(tx, &missing).await?);
    }
    Ok(loaded)
}

async fn load_rows(
    tx: &mut Transaction<'_, Postgres>,
    requests: &[&RecordRequest],
) -> Result<HashMap<TaskId, Result<LoadedTask, StoreError>>, StoreError> {
    let tasks: Vec<Uuid> = requests.iter().map(|request| request.task.0).collect();
    let owners: Vec<Option<String>> =
        requests.iter().map(|request| required_owner(request)).collect();
    let rows = sqlx::query_as!(
        JobRow,
        r#"-- store::record::load
        SELECT
            t.id, t.owner, t.deadline_at, t.state AS "state: Json<TaskState>", t.board_id,
            j.number, j.provider, j.status, j.images, j.price, j.settled, j.upstream_id,
            j.results AS "results: Json<Vec<ResultLink>>",
            j.failure AS "failure: Json<Failure>",
            j.called_back, j.faltered, j.step_attempts, j.next_step_at, j.expires_at, j.lease,
            j.submit_started_at
        FROM unnest($1::uuid[], $2::text[]) AS wanted (task, owner)
        JOIN tasks AS t ON t.id = wanted.task AND (wanted.owner IS NULL OR t.owner = wanted.owner)
        JOIN jobs AS j ON j.task_id = t.id
        ORDER BY t.id, j.number
        FOR NO KEY UPDATE OF t, j"#,
        &tasks,
        &owners as _,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut loaded = HashMap::with_capacity(requests.len());
    for row in rows {
        let id = TaskId(row.id);
        if let Err(error) = row.add_to(&mut loaded) {
            loaded.insert(id, Err(error));
        }
    }
    Ok(loaded)
}

/// The user who must own the task.
fn required_owner(request: &RecordRequest) -> Option<String> {
    match &request.authority {
        Authority::Owner(owner) => Some(owner.as_str().to_owned()),
        Authority::Lease(_) | Authority::Submitter { .. } | Authority::Gateway => None,
    }
}

/// A task with one of its jobs.
struct JobRow {
    id: Uuid,
    owner: String,
    deadline_at: Option<Timestamp>,
    state: Json<TaskState>,
    board_id: Option<Uuid>,
    number: i16,
    provider: String,
    status: String,
    images: i32,
    price: i64,
    settled: Option<i64>,
    upstream_id: Option<String>,
    results: Json<Vec<ResultLink>>,
    failure: Option<Json<Failure>>,
    called_back: bool,
    faltered: bool,
    step_attempts: i32,
    next_step_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    lease: Option<Uuid>,
    submit_started_at: Option<Timestamp>,
}

impl JobRow {
    fn add_to(
        mut self,
        loaded: &mut HashMap<TaskId, Result<LoadedTask, StoreError>>,
    ) -> Result<(), StoreError> {
        let task = match loaded.entry(TaskId(self.id)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Ok(self.take_task()?)),
        };
        if let Ok(task) = task {
            task.leases.push(self.lease);
            task.submissions.push(self.submit_started_at);
            task.snapshot.jobs.push(self.into_job()?);
        }
        Ok(())
    }

    fn take_task(&mut self) -> Result<LoadedTask, StoreError> {
        Ok(LoadedTask {
            owner: owner(std::mem::take(&mut self.owner))?,
            snapshot: TaskSnapshot {
                state: self.state.0.clone(),
                jobs: Vec::new(),
                deadline_at: self.deadline_at,
                available: None,
            },
            leases: Vec::new(),
            submissions: Vec::new(),
            has_board: self.board_id.is_some(),
        })
    }

    fn into_job(self) -> Result<Job, StoreError> {
        Ok(Job {
            number: checked_int(self.number)?,
            provider: provider(&self.provider)?,
            status: status(&self.status)?,
            price: Credits::from_thousandths(self.price),
            image_count: checked_int(self.images)?,
            settled: self.settled.map(Credits::from_thousandths),
            upstream_id: self.upstream_id,
            results: self.results.0,
            failure: self.failure.map(|json| json.0),
            next_step_at: self.next_step_at,
            expires_at: self.expires_at,
            called_back: self.called_back,
            failed_transiently: self.faltered,
            step_attempts: checked_int(self.step_attempts)?,
        })
    }
}

/// Whether the update must be dropped because of leases. An acceptance by the provider is always
/// recorded, even late, and a rejection by [`Authority::Submitter`] unless the job was submitted again. Every other update of a
/// worker may be outdated once another worker has the job.
///
/// A task is not rerouted while a worker has claimed any of its jobs: the provider may be accepting
/// it.
pub(super) fn is_blocked(loaded: &LoadedTask, request: &RecordRequest) -> bool {
    let RecordRequest { target, authority, update, .. } = request;
    if matches!(update, JobUpdate::Rerouted { .. } | JobUpdate::NoAlternative) {
        return loaded.leases.iter().any(Option::is_some);
    }
    let UpdateTarget::Job(number) = target else { return false };
    let index = usize::from(*number);
    let holds = |lease: &Uuid| loaded.leases.get(index).copied().flatten() == Some(*lease);
    let submission = loaded.submissions.get(index).copied().flatten();
    let may_record = match authority {
        Authority::Owner(_) | Authority::Gateway => true,
        Authority::Lease(lease) => holds(lease),
        Authority::Submitter { lease, started_at } => {
            holds(lease) || submission == Some(*started_at)
        }
    };
    !may_record && !matches!(update, JobUpdate::AcceptedByProvider { .. })
}
