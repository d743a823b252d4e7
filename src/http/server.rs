//! Serves HTTP/1.1 with the timeouts that an endpoint on the open internet needs.

use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::causes::with_causes;

/// Time for the head of a request and between two requests; longer than proxies keep an idle
/// connection open.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// A WebSocket that is closed because its client is too slow still has time to send its close
/// frame.
const CLOSE_GRACE: Duration = Duration::from_secs(15);

/// Serves until `stop` is canceled, then finishes the requests in progress. A connection ends when
/// a write makes no progress for longer than `write_timeout`, plus 15 s for a close frame.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    write_timeout: Duration,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let connection = tokio::select! {
            (connection, _) = Listener::accept(&mut listener) => connection,
            () = stop.cancelled() => break,
        };
        connections.spawn(serve_connection(
            connection,
            router.clone(),
            write_timeout + CLOSE_GRACE,
            stop.clone(),
        ));
    }
    connections.close();
    connections.wait().await;
}

async fn serve_connection(
    connection: TcpStream,
    router: Router,
    write_timeout: Duration,
    stop: CancellationToken,
) {
    // With Nagle's algorithm, an event would wait until the client acknowledges the previous one.
    let _ = connection.set_nodelay(true);
    let mut timed = TimeoutStream::new(connection);
    timed.set_write_timeout(Some(write_timeout));
    let service = TowerToHyperService::new(router.into_service::<Incoming>());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(Box::pin(timed)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %with_causes(&error), "connection failed");
    }
}
