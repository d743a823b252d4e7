//! STORING: copies results into the image store before their links die.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::json;

use super::driver::Step;
use super::{MAX_LEASE_ATTEMPTS, Workshop};
use crate::blobs::{Inspected, inspect};
use crate::domain::{Failure, FailureCode, Image, ImageVariant, Report, ResultLink, Timestamp};
use crate::hints::Work;
use crate::providers::FetchError;
use crate::store::{Claim, Note, StoreError};

/// Longer than a fetch, and then the image store, may take.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// A result may appear a little after it is announced; one that is still missing then is gone.
const PATIENCE: u32 = 3;

pub(super) struct Download {
    shop: Arc<Workshop>,
}

/// Why a result is not in the store.
enum Trouble {
    /// It never will be.
    Final(Failure),
    /// It may be, later.
    Passing(&'static str),
}

impl Download {
    pub(super) fn new(shop: &Arc<Workshop>) -> Arc<Self> {
        Arc::new(Self { shop: Arc::clone(shop) })
    }

    async fn store_all(&self, claim: &Claim) -> (Report, Note) {
        let (mut images, mut failure, mut passing) = (Vec::new(), None, None);
        for (position, link) in (0..).zip(claim.results.iter().take(claim.images as usize)) {
            match self.store_one(claim, position, link).await {
                Ok(image) => images.push(image),
                Err(Trouble::Final(why)) => failure = failure.or(Some(why)),
                // The others are tried all the same, so that patience is the same for all.
                Err(Trouble::Passing(why)) => passing = Some(why),
            }
        }
        if let Some(why) = passing {
            let at = self.shop.after_pause(claim.step_attempts);
            let note = Note::new("download_postponed", json!({ "why": why, "until": at }));
            return (Report::Later { at }, note);
        }
        if images.is_empty() {
            return failed(failure.unwrap_or_else(|| {
                Failure::new(FailureCode::ResultInvalid, "The provider delivered no image.")
            }));
        }
        let bytes: u64 = images.iter().map(|image| image.byte_size).sum();
        let note = Note::new("stored", json!({ "images": images.len(), "bytes": bytes }));
        (Report::Stored { images }, note)
    }

    async fn store_one(
        &self,
        claim: &Claim,
        position: u16,
        link: &ResultLink,
    ) -> Result<Image, Trouble> {
        let patient = claim.step_attempts < PATIENCE;
        let bytes = self.fetch(link, patient).await?;
        let inspected = look(bytes.clone()).await.map_err(|why| invalid(&why, patient))?;
        let image = self.image(claim, position, &inspected, bytes.len());
        let path = image.path(ImageVariant::Original);
        self.shop.blobs.put(&path, bytes).await.map_err(|error| {
            tracing::error!(task.id = %claim.task, %error, source = ?std::error::Error::source(&error), "an image could not be stored, trying again");
            Trouble::Passing("the image store failed")
        })?;
        Ok(image)
    }

    async fn fetch(&self, link: &ResultLink, patient: bool) -> Result<Bytes, Trouble> {
        let expired = || {
            Failure::new(
                FailureCode::ResultExpired,
                "The result was gone before it could be copied.",
            )
        };
        if link.expires_at <= self.shop.clock.now() {
            return Err(Trouble::Final(expired()));
        }
        self.shop.fetcher.fetch(&link.url).await.map_err(|error| match error {
            FetchError::Gone if !patient => Trouble::Final(expired()),
            FetchError::Gone => Trouble::Passing("the result is not there"),
            FetchError::Unavailable => Trouble::Passing("the result could not be fetched"),
            FetchError::Refused => Trouble::Final(Failure::new(
                FailureCode::ResultInvalid,
                "The result lies at an address that the gateway may not fetch from.",
            )),
            FetchError::TooLarge => Trouble::Final(Failure::new(
                FailureCode::ResultInvalid,
                "The result is larger than any image.",
            )),
        })
    }

    fn image(&self, claim: &Claim, position: u16, seen: &Inspected, bytes: usize) -> Image {
        let now = self.shop.clock.now();
        Image {
            id: self.shop.ids.image(now),
            task_id: claim.task,
            job: claim.number,
            position,
            width: seen.width,
            height: seen.height,
            media_type: seen.media_type,
            byte_size: bytes as u64,
            sha256: seen.sha256,
            thumbhash: seen.thumbhash.clone(),
            created_at: now,
        }
    }
}

/// Decoding takes milliseconds to seconds of CPU.
async fn look(bytes: Bytes) -> Result<Inspected, String> {
    let looked = tokio::task::spawn_blocking(move || inspect(&bytes)).await;
    match looked {
        Ok(Ok(inspected)) => Ok(inspected),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it could not be decoded".to_owned()),
    }
}

/// What does not decode may have been cut off on the way, so it is fetched again a few times.
fn invalid(why: &str, patient: bool) -> Trouble {
    if patient {
        return Trouble::Passing("the result does not decode");
    }
    let message = format!("The provider delivered a file that cannot be used: {why}.");
    Trouble::Final(Failure::new(FailureCode::ResultInvalid, message))
}

fn failed(failure: Failure) -> (Report, Note) {
    let note = Note::new("download_failed", json!({ "code": failure.code }));
    (Report::Failed(failure), note)
}

#[async_trait]
impl Step for Download {
    type Job = Claim;

    /// Bounds memory: each holds one file and its decoded picture.
    const AT_ONCE: usize = 8;

    fn bell(&self) -> Work {
        Work::Download
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let (terms, now) = (self.shop.terms(limit, LEASE), self.shop.clock.now());
        self.shop.store.claim_downloads(terms, now).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.shop.store.next_download().await
    }

    async fn work(&self, claim: Claim) -> Result<(), StoreError> {
        let (report, note) = if claim.lease_attempts > MAX_LEASE_ATTEMPTS {
            failed(Failure::new(FailureCode::Internal, "The result could not be processed."))
        } else {
            self.store_all(&claim).await
        };
        self.shop.record(&claim, &report, note).await?;
        Ok(())
    }
}
