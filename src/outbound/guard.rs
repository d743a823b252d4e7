//! The guard: public addresses only, unless the operator allows others.
//!
//! Checked on the host as written, and on every address that a name resolves to.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::ClientBuilder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::USER_AGENT;
use crate::addresses::{is_public, may_be_called};

/// A link that leads where nothing may go.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
pub(super) struct NotPublic;

/// The beginning of a client that reaches public addresses only, or others too with `allow_private`.
pub(super) fn guarded(allow_private: bool) -> ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "this is a sanctioned place")]
    let builder = reqwest::Client::builder();
    // A proxy would resolve names for us, past the guard.
    let builder = builder.user_agent(USER_AGENT).no_proxy();
    if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) }
}

/// The link, if it may be asked for, as far as it shows without resolving its name.
pub(super) fn read(link: &str, allow_private: bool) -> Result<Url, NotPublic> {
    let url = Url::parse(link).map_err(|_| NotPublic)?;
    if may_be_called(&url, allow_private) { Ok(url) } else { Err(NotPublic) }
}

/// Whether the guard stopped a call, among the errors that reqwest passes through.
pub(super) fn stopped(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Resolves names with the system's resolver and hides every address that is not public.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
