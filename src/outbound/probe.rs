//! Asks the gateway's own public URL, for `plantain doctor`.

use std::time::Duration;

use url::Url;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Whether a gateway answers at this URL.
///
/// # Errors
/// Why it does not, as far as this machine can tell.
pub async fn probe(public_url: &Url) -> Result<(), reqwest::Error> {
    let url = format!("{}/livez", public_url.as_str().trim_end_matches('/'));
    #[expect(clippy::disallowed_methods, reason = "the URL is the operator's own")]
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let response = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    response.map(|_| ()).map_err(reqwest::Error::without_url)
}
