//! Reads of the per-user event log.

use std::collections::HashMap;

use sqlx::types::Json;

use super::rows::{checked_int, owner};
use super::task_row::{TaskRow, images_of_task, task_columns};
use super::{ReadStore, StoreError};
use crate::domain::{Event, TaskState, Timestamp, UserId};

/// The range of event numbers in a user's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLogBounds {
    /// The number of the newest event; 0 when there is none.
    pub last_seq: u64,
    /// Events up to this number may have been purged.
    pub purged_seq: u64,
}

impl ReadStore {
    /// The range of event numbers in the user's log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_event_log_bounds(&self, user: &UserId) -> Result<EventLogBounds, StoreError> {
        let row = sqlx::query!(
            "-- store::events::find_event_log_bounds
            SELECT last_seq, forgotten_seq FROM users WHERE id = $1",
            user.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let (last, purged) = row.map_or((0, 0), |row| (row.last_seq, row.forgotten_seq));
        Ok(EventLogBounds { last_seq: checked_int(last)?, purged_seq: checked_int(purged)? })
    }

    /// The number of each user's newest event; users without events are omitted. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_seqs(&self, users: &[UserId]) -> Result<HashMap<UserId, u64>, StoreError> {
        let users: Vec<String> = users.iter().map(|user| user.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            "-- store::events::last_seqs
            SELECT id, last_seq FROM users WHERE id = ANY ($1)",
            &users,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((owner(row.id)?, checked_int(row.last_seq)?))).collect()
    }

    /// The next events of each user after a number, in order, at most `limit` per
    /// user. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_events(
        &self,
        after: &[(UserId, u64)],
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let users: Vec<String> = after.iter().map(|(user, _)| user.as_str().to_owned()).collect();
        let seqs = after
            .iter()
            .map(|(_, seq)| checked_int::<i64, _>(*seq))
            .collect::<Result<Vec<_>, _>>()?;
        let rows: Vec<EventRow> = sqlx::query_as(concat!(
            "-- store::events::list_events
            SELECT ",
            task_columns!(),
            ", e.seq, e.at AS event_at, e.state AS event_state
            FROM unnest($1::text[], $2::bigint[]) AS reader (owner, seq)
            CROSS JOIN LATERAL (
                SELECT * FROM events
                WHERE events.owner = reader.owner AND events.seq > reader.seq
                ORDER BY events.seq
                LIMIT $3
            ) AS e
            JOIN tasks AS t ON t.id = e.task_id",
            images_of_task!(),
            "ORDER BY e.owner, e.seq, i.job, i.position",
        ))
        .bind(users)
        .bind(seqs)
        .bind(checked_int::<i64, _>(limit)?)
        .fetch_all(&self.pool)
        .await?;
        into_events(rows)
    }
}

/// The events of these rows, in the same order. The rows of one event follow each other.
fn into_events(rows: Vec<EventRow>) -> Result<Vec<Event>, StoreError> {
    let mut events: Vec<Event> = Vec::with_capacity(rows.len());
    for row in rows {
        let seq = checked_int(row.seq)?;
        let same = events.last_mut().filter(|last| last.seq == seq && row.task.is_of(&last.task));
        if let Some(event) = same {
            row.task.add_image_to(&mut event.task)?;
        } else {
            let task = row.task.into_task_with_state(row.event_state.0)?;
            events.push(Event { seq, at: row.event_at, task });
        }
    }
    Ok(events)
}

/// An event, with a row of its task.
#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    event_at: Timestamp,
    event_state: Json<TaskState>,
    #[sqlx(flatten)]
    task: TaskRow,
}
