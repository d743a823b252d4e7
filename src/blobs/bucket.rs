//! An image store that speaks S3: Amazon's, Supabase Storage, and others.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Enough for 40 MB at 16 Mbit/s.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RETRIES: usize = 2;
/// Later than this, no retry begins: with the last call, a `put` ends within 30 seconds.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// A bucket, and how to reach it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// As the server knows it.
    pub name: String,
    /// What stands before each path, percent-encoded; may be empty.
    pub prefix: String,
    /// Part of each signature.
    pub region: String,
    /// Amazon's of the region when there is none.
    pub endpoint: Option<Url>,
    /// Names the key.
    pub key_id: String,
    /// Signs.
    pub key: SecretString,
    /// Comes with keys that end.
    pub session_token: Option<SecretString>,
}

impl Bucket {
    /// Contacts nobody yet.
    pub(super) fn open(&self) -> object_store::Result<Arc<dyn ObjectStore>> {
        let allow_http = self.endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
        let options = ClientOptions::new()
            .with_allow_http(allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(CALL_TIMEOUT);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_access_key_id(&self.key_id)
            .with_secret_access_key(self.key.expose_secret())
            // Not every server knows the other way; nothing here deletes many.
            .with_disable_bulk_delete(true)
            .with_client_options(options)
            .with_retry(RetryConfig {
                max_retries: MAX_RETRIES,
                retry_timeout: RETRY_FOR,
                ..RetryConfig::default()
            });
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.as_str());
        }
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        let prefix = Path::from_url_path(&self.prefix)?;
        Ok(Arc::new(PrefixStore::new(builder.build()?, prefix)))
    }
}
