//! Decodes images within one budget of memory for the whole gateway: a small file can become a large image.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::image_file::{ImageFileError, working_bytes};

/// The memory of all images that are decoded at the same time: enough for the largest one.
const BUDGET_BYTES: u64 = 640 * MEBIBYTE;
const MEBIBYTE: u64 = 1024 * 1024;
/// Decoding uses a core.
const MAX_CONCURRENT: usize = 4;
/// How long an image waits for its turn.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Runs the functions of `image_file`. Clones share the budget.
#[derive(Debug, Clone)]
pub struct ImageWork {
    /// A permit for each mebibyte.
    memory: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// Only one image of a client waits for memory at a time; the others wait here.
    client_turn: Arc<Semaphore>,
}

/// What an image is decoded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester {
    /// A request of a client.
    Client,
    /// A task: it waits behind one image of a client at most, however many of them there are.
    Worker,
}

impl Default for ImageWork {
    fn default() -> Self {
        let mebibytes = usize::try_from(BUDGET_BYTES / MEBIBYTE).unwrap_or(usize::MAX);
        Self {
            memory: Arc::new(Semaphore::new(mebibytes)),
            cores: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            client_turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl ImageWork {
    /// Runs `work` on a blocking thread when there is memory for the decoded image. A panic of a decoder counts as a file that
    /// cannot be decoded.
    ///
    /// # Errors
    /// Those of `work`, and [`ImageFileError::Busy`].
    pub async fn run<T: Send + 'static>(
        &self,
        requester: Requester,
        file: Bytes,
        work: impl FnOnce(&[u8]) -> Result<T, ImageFileError> + Send + 'static,
    ) -> Result<T, ImageFileError> {
        let header = file.clone();
        let needed = tokio::task::spawn_blocking(move || working_bytes(&header)).await;
        let needed = needed.unwrap_or(Err(ImageFileError::Undecodable(None)))?;
        let mebibytes = needed.div_ceil(MEBIBYTE);
        let mebibytes = u32::try_from(mebibytes).unwrap_or(u32::MAX);
        let permits = timeout(MAX_WAIT, self.permits(requester, mebibytes)).await;
        let permits = permits.ok().flatten().ok_or(ImageFileError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // The thread owns the permits, because it continues when the caller is gone.
            let _permits = permits;
            work(&file)
        });
        done.await.unwrap_or(Err(ImageFileError::Undecodable(None)))
    }

    async fn permits(
        &self,
        requester: Requester,
        mebibytes: u32,
    ) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let _turn = match requester {
            Requester::Client => Some(self.client_turn.acquire().await.ok()?),
            Requester::Worker => None,
        };
        let memory = Arc::clone(&self.memory).acquire_many_owned(mebibytes).await.ok()?;
        Some((memory, Arc::clone(&self.cores).acquire_owned().await.ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::atomic::{AtomicU64, Ordering};

    use image::{DynamicImage, ImageFormat};

    use super::*;

    fn png(width: u32, height: u32) -> Bytes {
        let mut file = Cursor::new(Vec::new());
        let image = DynamicImage::new_rgba8(width, height);
        image.write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner().into()
    }

    #[tokio::test]
    async fn images_that_are_decoded_together_stay_within_the_budget() {
        let (work, file) = (ImageWork::default(), png(6_000, 4_000));
        let each = working_bytes(&file).unwrap();
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let runs = (0..6).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            work.run(Requester::Worker, file.clone(), move |_| {
                most.fetch_max(now.fetch_add(each, Ordering::SeqCst) + each, Ordering::SeqCst);
                // Gives the others time to start, if they may.
                (0..20_000).for_each(|_| std::thread::yield_now());
                now.fetch_sub(each, Ordering::SeqCst);
                Ok(())
            })
        });
        assert!(futures_util::future::join_all(runs).await.iter().all(Result::is_ok));
        assert!(each * 3 > BUDGET_BYTES, "the images are too small for this test");
        assert!(most.load(Ordering::SeqCst) <= BUDGET_BYTES);
    }

    #[tokio::test]
    async fn an_image_of_a_worker_waits_behind_one_image_of_a_client_at_most() {
        let work = ImageWork::default();
        let all = u32::try_from(BUDGET_BYTES / MEBIBYTE).unwrap();
        let running = work.permits(Requester::Client, all).await.unwrap();
        let mut clients = [0; 3].map(|_| Box::pin(work.permits(Requester::Client, all)));
        for client in &mut clients {
            assert!(futures_util::poll!(client).is_pending());
        }
        let mut worker = Box::pin(work.permits(Requester::Worker, all));
        assert!(futures_util::poll!(&mut worker).is_pending());
        drop(running);
        let [first, second, _] = &mut clients;
        drop(first.await.unwrap());
        assert!(futures_util::poll!(second).is_pending());
        assert!(worker.await.is_some());
    }

    #[tokio::test]
    async fn an_image_that_needs_more_than_the_limit_is_rejected_with_its_size() {
        // The header of a PNG of 60,000 x 60,000 pixels in 33 bytes.
        let mut file = png(1, 1).to_vec();
        file[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        let crc = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        let work = ImageWork::default();
        let rejected = work.run(Requester::Client, file.into(), |_| Ok(())).await.unwrap_err();
        let text = rejected.to_string();
        assert!(text.contains("60000 x 60000") && text.contains("50 million"), "{text}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }
}
