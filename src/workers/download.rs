//! STORING: copies results into the image store before their links expire.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::json;

use super::driver::Step;
use super::{MAX_LEASE_ATTEMPTS, WorkerContext};
use crate::causes::with_causes;
use crate::domain::{
    Failure, FailureCode, Image, ImageFormat, ImageVariant, JobUpdate, ResultLink, TaskId,
    TimelineEventKind, Timestamp,
};
use crate::fail_point;
use crate::hints::WorkerSignal;
use crate::image_store::{ImageFileError, ImageInfo, Requester, inspect};
use crate::outbound::FetchError;
use crate::store::{Claim, NewTimelineEntry, StoreError};

/// Extended while the download continues.
const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Retries of a result that is missing or cannot be decoded: it may become available slightly after
/// the provider reports it.
const MAX_UNUSABLE_RETRIES: u32 = 3;

pub(super) struct Download {
    ctx: Arc<WorkerContext>,
}

/// Why a result was not stored.
enum DownloadError {
    /// A retry cannot help.
    Permanent(Failure),
    /// A retry may help.
    Transient(&'static str),
}

impl Download {
    pub(super) fn new(ctx: &Arc<WorkerContext>) -> Arc<Self> {
        Arc::new(Self { ctx: Arc::clone(ctx) })
    }

    async fn store_all(&self, claim: &Claim) -> (JobUpdate, NewTimelineEntry) {
        let (mut images, mut failure, mut transient) = (Vec::new(), None, None);
        for (position, link) in (0..).zip(claim.results.iter().take(claim.image_count as usize)) {
            match self.store_one(claim, position, link).await {
                Ok(image) => images.push(image),
                Err(DownloadError::Permanent(cause)) => failure = failure.or(Some(cause)),
                // Try the other results too, so that all of them have the same number of attempts.
                Err(DownloadError::Transient(reason)) => transient = Some(reason),
            }
        }
        if let Some(reason) = transient {
            let at = self.ctx.after_backoff(claim.step_attempts);
            let entry = NewTimelineEntry::new(
                TimelineEventKind::DownloadPostponed,
                json!({ "reason": reason, "until": at }),
            );
            return (JobUpdate::Postponed { at }, entry);
        }
        if images.is_empty() {
            return failed(failure.unwrap_or_else(|| {
                Failure::new(FailureCode::ResultInvalid, "The provider delivered no image.")
            }));
        }
        let bytes: u64 = images.iter().map(|image| image.byte_size).sum();
        let entry = NewTimelineEntry::new(
            TimelineEventKind::Stored,
            json!({ "images": images.len(), "bytes": bytes }),
        );
        (JobUpdate::Stored { images }, entry)
    }

    async fn store_one(
        &self,
        claim: &Claim,
        position: u16,
        link: &ResultLink,
    ) -> Result<Image, DownloadError> {
        if let Some(image) = self.find_stored(claim, position).await {
            return Ok(image);
        }
        let may_retry = claim.step_attempts < MAX_UNUSABLE_RETRIES;
        let bytes = self.fetch(link, may_retry).await?;
        fail_point::reach("download.fetched");
        let inspected = self.ctx.image_work.run(Requester::Worker, bytes.clone(), inspect).await;
        let inspected = inspected.map_err(|error| invalid(&error, may_retry))?;
        let image = self.image(claim, position, &inspected, bytes.len());
        let path = image.path(ImageVariant::Original);
        self.ctx.image_store.put(&path, bytes).await.map_err(|error| {
            tracing::error!(task.id = %claim.task, error = %with_causes(&error), "storing an image failed, retrying");
            DownloadError::Transient("the image store failed")
        })?;
        fail_point::reach("download.stored");
        Ok(image)
    }

    /// The image, if an earlier attempt stored it and then another image of the job failed.
    async fn find_stored(&self, claim: &Claim, position: u16) -> Option<Image> {
        if claim.step_attempts == 0 && claim.lease_attempts <= 1 {
            return None;
        }
        let folder = Image::folder(claim.task, claim.number, position);
        for format in ImageFormat::ALL {
            let path = Image::file(&folder, ImageVariant::Original, format);
            if let Ok(bytes) = self.ctx.image_store.get(&path).await {
                let inspected = self
                    .ctx
                    .image_work
                    .run(Requester::Worker, bytes.clone(), inspect)
                    .await
                    .ok()?;
                return Some(self.image(claim, position, &inspected, bytes.len()));
            }
        }
        None
    }

    async fn fetch(&self, link: &ResultLink, may_retry: bool) -> Result<Bytes, DownloadError> {
        let expired = || {
            Failure::new(
                FailureCode::ResultExpired,
                "The result was no longer available at the provider.",
            )
        };
        if link.expires_at <= self.ctx.clock.now() {
            return Err(DownloadError::Permanent(expired()));
        }
        self.ctx.fetcher.fetch(&link.url).await.map_err(|error| match error {
            FetchError::NotFound if !may_retry => DownloadError::Permanent(expired()),
            FetchError::NotFound => DownloadError::Transient("the result is not available yet"),
            FetchError::TooManyRedirects if !may_retry => DownloadError::Permanent(Failure::new(
                FailureCode::ResultInvalid,
                "The link to the result redirects without end.",
            )),
            FetchError::TooManyRedirects => {
                DownloadError::Transient("the link redirects too often")
            }
            FetchError::Unavailable => {
                DownloadError::Transient("the result could not be downloaded")
            }
            FetchError::UrlNotAllowed => DownloadError::Permanent(Failure::new(
                FailureCode::ResultInvalid,
                "The address of the result is not allowed.",
            )),
            FetchError::TooLarge => DownloadError::Permanent(Failure::new(
                FailureCode::ResultInvalid,
                "The result exceeds the size limit for images.",
            )),
        })
    }

    fn image(&self, claim: &Claim, position: u16, inspected: &ImageInfo, bytes: usize) -> Image {
        let now = self.ctx.clock.now();
        Image {
            id: self.ctx.ids.image(now),
            task_id: claim.task,
            job: claim.number,
            position,
            width: inspected.width,
            height: inspected.height,
            format: inspected.format,
            byte_size: bytes as u64,
            sha256: inspected.sha256,
            thumbhash: inspected.thumbhash.clone(),
            created_at: now,
        }
    }
}

/// A file that does not decode may be truncated, so it is downloaded again a few times.
fn invalid(error: &ImageFileError, may_retry: bool) -> DownloadError {
    match error {
        ImageFileError::Busy => return DownloadError::Transient("too many images are decoded"),
        ImageFileError::TooLarge { .. } => {}
        _ if may_retry => return DownloadError::Transient("the result cannot be decoded"),
        _ => {}
    }
    let message = format!("The provider delivered an unusable file: {error}.");
    DownloadError::Permanent(Failure::new(FailureCode::ResultInvalid, message))
}

fn failed(failure: Failure) -> (JobUpdate, NewTimelineEntry) {
    let entry =
        NewTimelineEntry::new(TimelineEventKind::DownloadFailed, json!({ "code": failure.code }));
    (JobUpdate::Failed(failure), entry)
}

#[async_trait]
impl Step for Download {
    type Work = Claim;

    /// Limits memory: each download holds one file and its decoded image.
    const NAME: &'static str = "download";
    const CONCURRENCY: usize = 8;

    fn wake_signal(&self) -> WorkerSignal {
        WorkerSignal::Download
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let (claim_options, now) = (self.ctx.claim_options(limit, LEASE), self.ctx.clock.now());
        self.ctx.store.claim_downloads(claim_options, now).await
    }

    fn tasks(work: &Claim) -> Vec<TaskId> {
        vec![work.task]
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.ctx.store.next_download_due().await
    }

    async fn process(&self, claim: Claim) -> Result<(), StoreError> {
        let (update, entry) = if claim.lease_attempts > MAX_LEASE_ATTEMPTS {
            failed(Failure::new(FailureCode::Internal, "The result could not be processed."))
        } else {
            let started = Instant::now();
            let stored = self.ctx.with_lease(&claim, LEASE, self.store_all(&claim)).await;
            let outcome = match stored.0 {
                JobUpdate::Stored { .. } => "stored",
                JobUpdate::Postponed { .. } => "postponed",
                _ => "failed",
            };
            self.ctx.metrics.download(outcome, started.elapsed());
            stored
        };
        self.ctx.record(&claim, &update, entry).await?;
        Ok(())
    }
}
