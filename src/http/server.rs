//! Serves HTTP/1.1 with the timeouts that an endpoint on the open internet needs.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

use super::client_address::PeerAddress;
use super::connections::{
    ConnectionBounds, ConnectionRefusal, Connections, Counted, OpenConnection,
};
use crate::causes::with_causes;
use crate::log_limit::LogLimit;

/// Time for the head of the first request.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two requests; longer than load balancers keep an idle connection, which is up to 600 s. Otherwise a
/// load balancer would send a request to a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(650);
/// While the gateway accepts no further connections, it says so once in this time.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// A WebSocket that is closed because its client is too slow still has time to send its close
/// frame.
const CLOSE_GRACE: Duration = Duration::from_secs(15);

/// How connections are served.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// A connection ends when a write makes no progress for this long, plus 15 s for a close frame.
    pub write_timeout: Duration,
    /// The limits of open connections.
    pub connections: ConnectionBounds,
}

/// Serves until `stop` is canceled, then finishes the requests in progress.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    stop: CancellationToken,
) {
    let tracker = TaskTracker::new();
    let connections = Connections::new(settings.connections);
    let warnings = LogLimit::every(WARNING_INTERVAL);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stop.cancelled() => break,
        };
        // A connection over a limit is closed at once.
        match connections.admit(peer.ip()) {
            Ok(connection) => {
                let stream = timed(stream, connection, settings.write_timeout + CLOSE_GRACE);
                let peer = PeerAddress(peer.ip());
                tracker.spawn(serve_connection(stream, peer, router.clone(), stop.clone()));
            }
            Err(refusal) if warnings.permits() => warn(refusal, peer.ip()),
            Err(_) => {}
        }
    }
    tracker.close();
    tracker.wait().await;
}

fn warn(refusal: ConnectionRefusal, peer: IpAddr) {
    match refusal {
        ConnectionRefusal::Total => tracing::warn!(
            "too many open connections, new ones are closed: raise PLANTAIN_MAX_CONNECTIONS and the number of open files that the system allows"
        ),
        ConnectionRefusal::Address => tracing::warn!(
            %peer,
            "an address has too many open connections, new ones are closed: if it is a proxy of yours, add it to PLANTAIN_TRUSTED_PROXIES"
        ),
    }
}

type Stream = Pin<Box<TimeoutStream<Counted<TcpStream>>>>;

fn timed(stream: TcpStream, connection: OpenConnection, write_timeout: Duration) -> Stream {
    // With Nagle's algorithm, an event would wait until the client acknowledges the previous one.
    let _ = stream.set_nodelay(true);
    let mut timed = TimeoutStream::new(Counted { stream, _connection: connection });
    timed.set_write_timeout(Some(write_timeout));
    Box::pin(timed)
}

async fn serve_connection(
    stream: Stream,
    peer: PeerAddress,
    router: Router,
    stop: CancellationToken,
) {
    let has_request = Arc::new(AtomicBool::new(false));
    let service = ServiceBuilder::new()
        .map_request({
            let has_request = Arc::clone(&has_request);
            move |mut request: Request<Incoming>| {
                has_request.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(peer);
                request
            }
        })
        .service(router.into_service::<Incoming>());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let no_request = async {
        tokio::time::sleep(FIRST_HEAD_TIMEOUT).await;
        if has_request.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = no_request => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %with_causes(&error), "connection failed");
    }
}
