//! Hints between replicas over Postgres: one channel, one listening connection per process.

use sqlx::postgres::PgListener;

use super::{Store, StoreError};

const CHANNEL: &str = "plantain";

/// Payloads of NOTIFY are limited to 8,000 bytes.
pub const MAX_NOTIFICATION_BYTES: usize = 7_900;

impl Store {
    /// Sends a text to every process that listens, this one included.
    ///
    /// # Errors
    /// When the database fails or the text is too long.
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

    /// Hands every text that is sent from now on to `heard`; returns only when the connection is
    /// lost.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self, mut heard: impl FnMut(&str) + Send) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        while let Some(notification) = listener.try_recv().await? {
            heard(notification.payload());
        }
        Ok(())
    }
}
