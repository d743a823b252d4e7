//! The only source of new ids, secrets and random numbers, except ids of deliveries, which `store::enqueue_deliveries`
//! derives from the event and the endpoint.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use secrecy::SecretString;
use uuid::{Builder, Uuid};

use crate::domain::{BoardId, EndpointId, ImageId, TaskId, Timestamp, UploadId};

/// Generates ids that sort by creation time. Clones share one random number generator.
#[derive(Debug, Clone)]
pub struct Ids {
    random: Arc<Mutex<StdRng>>,
}

impl Ids {
    /// Unpredictable ids.
    #[must_use]
    pub fn random() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the only source of randomness")]
        let mut system = rand::rng();
        Self::from(StdRng::from_rng(&mut system))
    }

    /// The same ids in every run, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::from(StdRng::seed_from_u64(seed))
    }

    /// A new task's id.
    #[must_use]
    pub fn task(&self, now: Timestamp) -> TaskId {
        TaskId(self.uuid(now))
    }

    /// A new image's id.
    #[must_use]
    pub fn image(&self, now: Timestamp) -> ImageId {
        ImageId(self.uuid(now))
    }

    /// A new upload's id.
    #[must_use]
    pub fn upload(&self, now: Timestamp) -> UploadId {
        UploadId(self.uuid(now))
    }

    /// A new board's id.
    #[must_use]
    pub fn board(&self, now: Timestamp) -> BoardId {
        BoardId(self.uuid(now))
    }

    /// A new webhook endpoint's id.
    #[must_use]
    pub fn endpoint(&self, now: Timestamp) -> EndpointId {
        EndpointId(self.uuid(now))
    }

    /// A new secret for signing webhooks: 32 bytes in the format of Standard Webhooks.
    #[must_use]
    pub fn webhook_secret(&self) -> SecretString {
        let mut random = [0; 32];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        format!("whsec_{}", STANDARD.encode(random)).into()
    }

    /// A new `UUIDv7`: for leases and inbox rows.
    #[must_use]
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        let mut random = [0; 10];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A random factor between 0.5 and 1.5, so that retries do not happen at the same time.
    #[must_use]
    pub fn jitter(&self) -> f64 {
        let mut byte = [0; 1];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut byte);
        0.5 + f64::from(byte[0]) / 255.0
    }
}

impl From<StdRng> for Ids {
    fn from(random: StdRng) -> Self {
        Self { random: Arc::new(Mutex::new(random)) }
    }
}

/// The smallest `UUIDv7` of a timestamp, for selecting a range of ids by time.
#[must_use]
pub fn first_uuid_at(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis & 0xFFFF_FFFF_FFFF) << 80)
}
