//! Reads of the per-user event log.

use std::collections::HashMap;

use sqlx::types::Json;

use super::rows::{checked_int, owner};
use super::task_row::{TaskRow, images_of_task, task_columns};
use super::{ReadStore, StoreError};
use crate::domain::{Event, EventPosition, TaskState, Timestamp, UserId};

/// What a user's log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLogBounds {
    /// The newest event; the start of the log when there is none.
    pub last: EventPosition,
    /// Events up to this number may have been purged.
    pub purged_seq: u64,
}

impl EventLogBounds {
    const EMPTY: Self = Self { last: EventPosition { seq: 0, at: None }, purged_seq: 0 };
}

impl ReadStore {
    /// What the user's log has, and when the event with the number `seq` was recorded, if it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_event_log_bounds(
        &self,
        user: &UserId,
        seq: Option<u64>,
    ) -> Result<(EventLogBounds, Option<Timestamp>), StoreError> {
        let row = sqlx::query!(
            r#"-- store::events::find_event_log_bounds
            SELECT u.last_seq AS "last_seq!", u.forgotten_seq AS "forgotten_seq!",
                last.at AS "last_at?", named.at AS "named_at?"
            FROM users AS u
            LEFT JOIN events AS last ON last.owner = u.id AND last.seq = u.last_seq
            LEFT JOIN events AS named ON named.owner = u.id AND named.seq = $2
            WHERE u.id = $1"#,
            user.as_str(),
            seq.and_then(|seq| i64::try_from(seq).ok()),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok((EventLogBounds::EMPTY, None)) };
        let last = EventPosition { seq: checked_int(row.last_seq)?, at: row.last_at };
        let bounds = EventLogBounds { last, purged_seq: checked_int(row.forgotten_seq)? };
        Ok((bounds, row.named_at))
    }

    /// The newest event of each user; users without events are omitted. One statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_positions(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, EventPosition>, StoreError> {
        let users: Vec<String> = users.iter().map(|user| user.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            r#"-- store::events::last_positions
            SELECT u.id AS "id!", u.last_seq AS "last_seq!", last.at AS "at?"
            FROM users AS u
            LEFT JOIN events AS last ON last.owner = u.id AND last.seq = u.last_seq
            WHERE u.id = ANY ($1)"#,
            &users,
        )
        .fetch_all(&self.pool)
        .await?;
        let position =
            |seq: i64, at| Ok::<_, StoreError>(EventPosition { seq: checked_int(seq)?, at });
        rows.into_iter().map(|row| Ok((owner(row.id)?, position(row.last_seq, row.at)?))).collect()
    }

    /// The next events of each user after a position, in order, at most `limit` per
    /// user. Each user may be named once. One statement.
    ///
    /// # Errors
    /// [`StoreError::EventsLost`] when the position of a user belongs to another event by now, or when the database fails.
    pub async fn list_events(
        &self,
        after: &[(UserId, EventPosition)],
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let users: Vec<String> = after.iter().map(|(user, _)| user.as_str().to_owned()).collect();
        let seqs = after
            .iter()
            .map(|(_, position)| checked_int::<i64, _>(position.seq))
            .collect::<Result<Vec<_>, _>>()?;
        let rows: Vec<EventRow> = sqlx::query_as(concat!(
            "-- store::events::list_events
            SELECT ",
            task_columns!(),
            ", e.seq, e.at AS event_at, e.state AS event_state,
                COALESCE(delivered.at <> reader.at, false) AS lost
            FROM unnest($1::text[], $2::bigint[], $4::timestamptz[]) AS reader (owner, seq, at)
            LEFT JOIN events AS delivered ON delivered.owner = reader.owner AND delivered.seq = reader.seq
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
        .bind(after.iter().map(|(_, position)| position.at).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        if rows.iter().any(|row| row.lost) {
            return Err(StoreError::EventsLost);
        }
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
    /// Whether the number of the reader's position belongs to another event.
    lost: bool,
    #[sqlx(flatten)]
    task: TaskRow,
}
