//! Cross-origin rules for web frontends.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header, request};
use std::time::Duration;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::{Host, Url};

/// How long a browser caches the result of a preflight request.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The origins that may call the gateway from a browser, in addition to its own.
#[derive(Debug, Clone)]
pub struct Origins {
    /// In the form that browsers send: `scheme://host[:port]`.
    pub listed: Vec<String>,
    /// Under `dev`: also allow every origin on loopback, and reject requests of pages from elsewhere.
    pub only_local: Option<LocalHosts>,
}

/// The host names of a gateway for one developer.
#[derive(Debug, Clone)]
pub struct LocalHosts {
    /// The host and port of the public URL, beside loopback.
    pub public: Option<String>,
}

impl Origins {
    fn allow(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.listed.iter().any(|listed| listed == origin)
            || (self.only_local.is_some() && is_loopback_origin(origin))
    }

    /// Whether a WebSocket may be opened. Browsers send no preflight request for `WebSockets`. The
    /// origin matters when the browser adds credentials by itself, which a page on another site can
    /// cause.
    pub(super) fn allows_socket(&self, headers: &HeaderMap) -> bool {
        let ambient = [header::COOKIE, header::AUTHORIZATION];
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        !ambient.iter().any(|name| headers.contains_key(name))
            || self.allow(origin)
            || is_same_host(origin, headers)
    }

    /// Whether the gateway answers this request. Under `dev`, a page of another site could otherwise use the gateway with the
    /// help of the developer's browser: directly, or through a host name that resolves to loopback (DNS rebinding).
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(local) = &self.only_local else { return true };
        // No page of another site knows a token, and no browser adds one by itself.
        if headers.contains_key(header::AUTHORIZATION) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_local = is_loopback_host(headers) || host.is_none_or(|host| local.contains(host));
        let is_foreign = |origin| !self.allow(origin) && !is_same_host(origin, headers);
        is_local && !headers.get(header::ORIGIN).is_some_and(is_foreign)
    }

    /// Responds to preflight requests.
    pub(super) fn layer(&self) -> CorsLayer {
        let origins = self.clone();
        let allow = move |origin: &HeaderValue, _: &request::Parts| origins.allow(origin);
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(allow))
            .allow_methods([Method::GET, Method::POST, Method::PUT])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([
                HeaderName::from_static("x-request-id"),
                HeaderName::from_static("mcp-session-id"),
                header::RETRY_AFTER,
                header::WWW_AUTHENTICATE,
            ])
            .max_age(MAX_AGE)
    }
}

impl LocalHosts {
    /// A host that no other site can use as its own: an address, or the host of the public URL.
    fn contains(&self, host: &str) -> bool {
        let is_address = || {
            let url = Url::parse(&format!("http://{host}"));
            matches!(url.as_ref().map(Url::host), Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))))
        };
        self.public.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(host))
            || is_address()
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    match Url::parse(origin).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Some(Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

/// Whether the header `host` names loopback.
pub(super) fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| is_loopback_origin(&format!("http://{host}")))
}

fn is_same_host(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.is_some_and(|(_, authority)| Some(authority) == host)
}
