//! Limits the open connections, in all and of each address.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The limits of open connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionBounds {
    /// Maximum number of open connections.
    pub total: usize,
    /// Maximum number of open connections of one address.
    pub per_address: usize,
    /// The proxies in front of the gateway: `per_address` does not apply to them.
    pub trusted_proxies: Vec<IpNet>,
}

impl ConnectionBounds {
    pub(super) fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|proxy| proxy.contains(&address.to_canonical()))
    }
}

/// Counts the open connections of one listener. Clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    bounds: Arc<ConnectionBounds>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionRefusal {
    /// The gateway has as many connections as it allows.
    Total,
    /// The address has as many connections as it may.
    Address,
}

impl Connections {
    pub(super) fn new(bounds: ConnectionBounds) -> Self {
        Self { bounds: Arc::new(bounds), counts: Arc::default() }
    }

    /// Counts a connection of this address until the result is dropped.
    pub(super) fn admit(&self, address: IpAddr) -> Result<OpenConnection, ConnectionRefusal> {
        let address = address.to_canonical();
        let is_proxy = self.bounds.is_trusted_proxy(address);
        let counted = (!is_proxy).then(|| client_network(address));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.bounds.total {
            return Err(ConnectionRefusal::Total);
        }
        if let Some(network) = counted {
            let count = counts.by_address.entry(network).or_default();
            if *count >= self.bounds.per_address {
                return Err(ConnectionRefusal::Address);
            }
            *count += 1;
        }
        counts.total += 1;
        Ok(OpenConnection { counts: Arc::clone(&self.counts), counted })
    }
}

/// One client of IPv6 has at least a /64 of addresses.
fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct OpenConnection {
    counts: Arc<Mutex<Counts>>,
    /// `None` for a trusted proxy.
    counted: Option<IpAddr>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        let Some(address) = self.counted else { return };
        if let Some(count) = counts.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// A stream that counts as an open connection until it is closed, also after it became a WebSocket.
pub(super) struct Counted<S> {
    pub(super) stream: S,
    pub(super) _connection: OpenConnection,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize, per_address: usize) -> Connections {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Connections::new(ConnectionBounds { total, per_address, trusted_proxies })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_a_number_of_connections_and_a_closed_one_frees_its_place() {
        let connections = connections(10, 2);
        let first = connections.admit(address("192.0.2.1")).unwrap();
        let _second = connections.admit(address("::ffff:192.0.2.1")).unwrap();
        let third = connections.admit(address("192.0.2.1")).unwrap_err();
        assert_eq!(third, ConnectionRefusal::Address);
        assert!(connections.admit(address("192.0.2.2")).is_ok());
        drop(first);
        assert!(connections.admit(address("192.0.2.1")).is_ok());
        assert!(connections.counts.lock().unwrap().by_address.len() == 1);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let connections = connections(10, 1);
        let _first = connections.admit(address("2001:db8::1")).unwrap();
        assert!(connections.admit(address("2001:db8::2")).is_err());
        assert!(connections.admit(address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn a_trusted_proxy_has_only_the_limit_of_all_connections() {
        let connections = connections(3, 1);
        let open: Vec<_> =
            (0..3).map(|_| connections.admit(address("10.1.2.3")).unwrap()).collect();
        let refused = connections.admit(address("192.0.2.1")).unwrap_err();
        assert_eq!((open.len(), refused), (3, ConnectionRefusal::Total));
    }
}
