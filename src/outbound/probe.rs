//! Asks a gateway at a URL of the operator, for `plantain doctor` and `plantain health`.

use std::time::Duration;

use url::Url;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Whether this URL answers with a status of success.
///
/// # Errors
/// Why it does not, as far as this machine can tell.
pub async fn probe(url: &Url) -> Result<(), reqwest::Error> {
    #[expect(clippy::disallowed_methods, reason = "the URL is the operator's own")]
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let response =
        client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    response.map(|_| ()).map_err(reqwest::Error::without_url)
}
