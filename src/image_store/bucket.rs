//! An image store with the S3 API: Amazon S3, Supabase Storage and others.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Long enough for 40 MB at 16 Mbit/s.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_RETRIES: usize = 2;
/// No retry starts after this time, so that a `put` takes at most 30 seconds.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// A bucket, its endpoint and its credentials.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Name of the bucket.
    pub name: String,
    /// Prefix of each path, percent-encoded; may be empty.
    pub prefix: String,
    /// Region, which is part of each signature.
    pub region: String,
    /// With `None`, Amazon's endpoint of the region.
    pub endpoint: Option<Url>,
    /// Access key id.
    pub key_id: String,
    /// Secret access key.
    pub key: SecretString,
    /// Session token of temporary credentials.
    pub session_token: Option<SecretString>,
}

impl Bucket {
    /// Creates the client without contacting the server.
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
            // Not every server supports bulk deletion, and few objects are deleted at a time.
            .with_disable_bulk_delete(true)
            .with_client_options(options)
            .with_retry(RetryConfig {
                max_retries: MAX_RETRIES,
                retry_timeout: RETRY_TIMEOUT,
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
