//! Numbers for operators: queues, credits of all users, waiting work, connections.

use sqlx::PgPool;

use super::{ReadStore, StoreError, Stores};
use crate::domain::{ProviderName, Timestamp};

/// A longer queue, and more waiting work, is not counted further.
const MAX_COUNTED: i64 = 10_000;

/// The queue of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The provider.
    pub provider: ProviderName,
    /// Jobs that wait to be submitted.
    pub depth: u64,
    /// When the oldest task of them was created.
    pub oldest: Option<Timestamp>,
}

/// Numbers of the whole gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Users whose totals differ from their ledger.
    pub unbalanced_accounts: u64,
    /// Callbacks that were not processed yet.
    pub waiting_callbacks: u64,
    /// Webhook deliveries that were not accepted yet.
    pub waiting_deliveries: u64,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// The name of the pool.
    pub name: &'static str,
    /// Open connections.
    pub open: u32,
    /// Open connections that are idle.
    pub idle: usize,
}

impl ReadStore {
    /// The queues. The first 10,000 jobs of each are counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_queues(&self) -> Result<Vec<Queue>, StoreError> {
        let rows = sqlx::query!(
            r#"-- store::measurements::list_queues
            SELECT names.provider AS "provider!", queue.depth AS "depth!", t.created_at AS "oldest?"
            FROM unnest($1::text[]) AS names (provider)
            CROSS JOIN LATERAL (
                SELECT count(*) AS depth, min(task_id::text)::uuid AS first FROM (
                    SELECT task_id FROM jobs
                    WHERE status = 'QUEUED' AND provider = names.provider
                    ORDER BY turn, task_id, number
                    LIMIT $2
                ) AS next
            ) AS queue
            LEFT JOIN tasks AS t ON t.id = queue.first"#,
            &ProviderName::ALL.map(|provider| provider.slug().to_owned()),
            MAX_COUNTED,
        )
        .fetch_all(&self.pool)
        .await?;
        let queues = rows.into_iter().filter_map(|row| {
            let provider = ProviderName::from_slug(&row.provider)?;
            Some(Queue { provider, depth: row.depth.cast_unsigned(), oldest: row.oldest })
        });
        Ok(queues.collect())
    }

    /// The totals. Each is counted up to 10,000.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_totals(&self) -> Result<Totals, StoreError> {
        let row = sqlx::query!(
            r#"-- store::measurements::find_totals
            SELECT
                (SELECT count(*) FROM (SELECT FROM unbalanced_accounts LIMIT $1) AS accounts)
                    AS "unbalanced!",
                (
                    SELECT count(*) FROM (
                        SELECT FROM callbacks WHERE next_step_at IS NOT NULL LIMIT $1
                    ) AS waiting
                ) AS "callbacks!",
                (
                    SELECT count(*) FROM (
                        SELECT FROM webhook_deliveries WHERE next_step_at IS NOT NULL LIMIT $1
                    ) AS waiting
                ) AS "deliveries!""#,
            MAX_COUNTED,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Totals {
            unbalanced_accounts: row.unbalanced.cast_unsigned(),
            waiting_callbacks: row.callbacks.cast_unsigned(),
            waiting_deliveries: row.deliveries.cast_unsigned(),
        })
    }
}

impl Stores {
    /// The present use of the connections.
    #[must_use]
    pub fn pools(&self) -> [PoolState; 4] {
        let state =
            |name, pool: &PgPool| PoolState { name, open: pool.size(), idle: pool.num_idle() };
        [
            state("clients", &self.clients.pool),
            state("client_batches", &self.clients.batch_pool),
            state("workers", &self.workers.pool),
            state("worker_batches", &self.workers.batch_pool),
        ]
    }
}
