//! Limits the requests of each client behind a trusted proxy: the connections are the proxy's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use graphql_engine::protocols::ConnectionGuard;
use http_parts::body::guarded;

use super::connections::{ConnectionBounds, Connections};
use super::problem::problem;

pub(super) const X_FORWARDED_FOR: &str = "x-forwarded-for";
const RETRY_AFTER_SECONDS: &str = "5";

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerAddress(pub(super) IpAddr);

/// Counts the requests in progress of each client behind a trusted proxy.
#[derive(Debug, Clone)]
pub(super) struct ClientRequests {
    bounds: Arc<ConnectionBounds>,
    requests: Connections,
}

impl ClientRequests {
    pub(super) fn new(bounds: ConnectionBounds) -> Self {
        // Only the limit of each address counts here.
        let each =
            ConnectionBounds { total: usize::MAX, trusted_proxies: Vec::new(), ..bounds.clone() };
        Self { bounds: Arc::new(bounds), requests: Connections::new(each) }
    }

    /// The client, as the proxies name it; `None` when the peer is not a trusted proxy or names none.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let is_proxy = |address: &IpAddr| self.bounds.is_trusted_proxy(*address);
        if !is_proxy(&peer) {
            return None;
        }
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        // Each proxy appends an address. Read from the end, the first address that is not a proxy of ours is the client;
        // whatever precedes it may be invented.
        let mut addresses = hops.map_while(address);
        addresses.find(|address| !is_proxy(address))
    }
}

/// An address, with or without a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// Rejects a request of a client that has too many in progress. A streaming response counts until it ends.
pub(super) async fn limit(
    State(clients): State<ClientRequests>,
    peer: Option<Extension<PeerAddress>>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = peer.and_then(|Extension(peer)| clients.client(peer.0, request.headers()));
    let Some(client) = client else { return next.run(request).await };
    let Ok(counted) = clients.requests.admit(client) else {
        let detail =
            "Too many requests of this address are in progress. Try again in a few seconds.";
        let retry = [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)];
        return (retry, problem(StatusCode::TOO_MANY_REQUESTS, detail)).into_response();
    };
    let counted = Arc::new(counted);
    // A WebSocket counts until it is closed.
    request.extensions_mut().insert(ConnectionGuard::new(counted.clone()));
    let response = next.run(request).await;
    response.map(|body| guarded(body, counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let bounds = ConnectionBounds { total: 1, per_address: 1, trusted_proxies };
        let clients = ClientRequests::new(bounds);
        let client = |peer: &str, lines: &[&str]| {
            let lines = lines.iter().map(|line| line.parse().unwrap());
            let headers = lines.map(|line| (X_FORWARDED_FOR.parse().unwrap(), line)).collect();
            clients.client(peer.parse().unwrap(), &headers).map(|client| client.to_string())
        };
        assert_eq!(client("10.0.0.1", &["192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        let forged = ["198.51.100.1, 192.0.2.7, 10.0.0.2"];
        assert_eq!(client("10.0.0.1", &forged).as_deref(), Some("192.0.2.7"));
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1", "192.0.2.7"]).as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(client("10.0.0.1", &["192.0.2.7:51234"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(client("10.0.0.1", &["\u{e9}, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(client("10.0.0.1", &["198.51.100.1", "\u{e9}"]), None);
        assert_eq!(client("192.0.2.9", &["198.51.100.1"]), None);
        assert_eq!(client("10.0.0.1", &[]), None);
    }
}
