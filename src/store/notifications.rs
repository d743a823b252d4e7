//! Hints between replicas with LISTEN and NOTIFY: one channel, one listening connection per
//! process.

use sqlx::postgres::PgListener;

use super::{Store, StoreError};

const CHANNEL: &str = "plantain";

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

    /// Calls `on_payload` with every payload that is sent from now on; returns only when the
    /// connection is lost.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn listen(&self, mut on_payload: impl FnMut(&str) + Send) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        while let Some(notification) = listener.try_recv().await? {
            on_payload(notification.payload());
        }
        Ok(())
    }
}
