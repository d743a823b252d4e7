//! A listener whose connections do not wait forever for a client that reads nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// Longer than a WebSocket takes to say why it ends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(45);

/// Listens; a connection ends when the client has taken nothing for 45 seconds while there was something
/// to take.
pub struct TimedListener(pub TcpListener);

impl Listener for TimedListener {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (connection, address) = Listener::accept(&mut self.0).await;
        let mut timed = TimeoutStream::new(connection);
        timed.set_write_timeout(Some(WRITE_TIMEOUT));
        (Box::pin(timed), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
