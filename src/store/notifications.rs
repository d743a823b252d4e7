//! Hints between replicas with LISTEN and NOTIFY: one channel, one listening connection per
//! process.

use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::{Store, StoreError, within_deadline};

const CHANNEL: &str = "plantain";
/// After this time without a notification, the connection is tested.
const SILENCE: Duration = Duration::from_secs(30);

/// Postgres limits payloads of NOTIFY to 8,000 bytes.
pub const MAX_NOTIFICATION_BYTES: usize = 7_900;

impl Store {
    /// Sends a payload to every listening process, including this one.
    ///
    /// # Errors
    /// When the database fails, or the payload exceeds the limit of Postgres.
    pub async fn notify(&self, payload: &str) -> Result<(), StoreError> {
        sqlx::query!(
            r#"-- store::notifications::notify
            SELECT pg_notify($1, $2) AS "sent: ()""#,
            CHANNEL,
            payload,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(())
    }

    /// Calls `on_payload` with every payload that is sent from now on, and `on_alive` at least every minute; returns only when the
    /// connection is lost.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn listen(
        &self,
        mut on_payload: impl FnMut(&str) + Send,
        on_alive: impl Fn() + Send,
    ) -> Result<(), StoreError> {
        let mut listener = within_deadline(async {
            // A pool of its own: sqlx tests a returned connection without a time limit, and a silent one would keep its place in the pool.
            let pool =
                PgPoolOptions::new().max_connections(1).connect_lazy_with(self.direct.clone());
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            Ok(listener)
        })
        .await?;
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(received) => match received? {
                    Some(notification) => on_payload(notification.payload()),
                    None => return Ok(()),
                },
                // Silence is usual; a connection that does not answer is lost.
                Err(_) => {
                    within_deadline(async { Ok(listener.execute("SELECT 1").await?) }).await?;
                }
            }
            on_alive();
        }
    }
}
