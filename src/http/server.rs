//! Serves HTTP/1.1 with the deadlines that clients on the open internet make necessary.

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

/// For the head of a request, and between two requests; longer than proxies keep a connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(75);
/// A socket that ends because its client was too slow still says why.
const GOODBYE: Duration = Duration::from_secs(15);

/// Serves until `stop`; then finishes the requests under way. A connection whose client has taken
/// nothing for longer than `patience`, although there was something to take, ends.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let connection = tokio::select! {
            (connection, _) = Listener::accept(&mut listener) => connection,
            () = stop.cancelled() => break,
        };
        connections.spawn(talk(connection, router.clone(), patience + GOODBYE, stop.clone()));
    }
    connections.close();
    connections.wait().await;
}

async fn talk(
    connection: TcpStream,
    router: Router,
    write_timeout: Duration,
    stop: CancellationToken,
) {
    // Without it, an event waits until the one before is acknowledged.
    let _ = connection.set_nodelay(true);
    let mut timed = TimeoutStream::new(connection);
    timed.set_write_timeout(Some(write_timeout));
    let service = TowerToHyperService::new(router.into_service::<Incoming>());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
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
        tracing::debug!(%error, "a connection broke");
    }
}
