//! The guard: public addresses only, unless the operator allows others.
//!
//! It checks the host in the URL, and every address that a host name resolves to.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Proxy};
use url::Url;

use super::USER_AGENT;
use crate::addresses::{is_allowed_url, is_public};

/// The URL is not valid, is not at a public address, or does not use https.
#[derive(Debug, thiserror::Error)]
#[error("not an https URL at a public address")]
pub(super) struct UrlNotAllowed;

/// How requests to URLs of others leave the machine.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Also loopback and private addresses, and plain HTTP.
    pub allow_private: bool,
    /// The proxy for all of them. It resolves the host names, so it must refuse private addresses itself.
    pub proxy: Option<Url>,
}

/// A client builder for public addresses only, unless others are allowed.
///
/// # Errors
/// When the proxy cannot be used.
pub(super) fn client_builder(egress: &Egress) -> Result<ClientBuilder, reqwest::Error> {
    #[expect(clippy::disallowed_methods, reason = "guarded clients are created here")]
    let builder = reqwest::Client::builder();
    // Not the proxy in the environment: it would resolve host names, and so bypass the guard.
    let builder = builder.user_agent(USER_AGENT).no_proxy();
    Ok(match &egress.proxy {
        Some(proxy) => builder.proxy(Proxy::all(proxy.clone())?),
        None if egress.allow_private => builder,
        None => builder.dns_resolver(Arc::new(PublicResolver)),
    })
}

/// Parses a URL and checks its host as written. `PublicResolver` checks the resolved addresses.
pub(super) fn check_url(link: &str, allow_private: bool) -> Result<Url, UrlNotAllowed> {
    let url = Url::parse(link).map_err(|_| UrlNotAllowed)?;
    if is_allowed_url(&url, allow_private) { Ok(url) } else { Err(UrlNotAllowed) }
}

/// Whether the guard rejected the address: then its error is a source of reqwest's error.
pub(super) fn is_blocked(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<UrlNotAllowed>() {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Resolves names with the system's resolver and drops every address that is not public.
struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(UrlNotAllowed.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
