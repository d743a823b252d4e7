//! A listener whose connections do not wait forever for a client that reads nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// A socket that ends because its client was too slow still says why.
const GOODBYE: Duration = Duration::from_secs(15);

/// Listens; a connection ends when its client has taken nothing for a while, although there was something
/// to take.
pub struct TimedListener {
    listener: TcpListener,
    write_timeout: Duration,
}

impl TimedListener {
    /// Connections are given up after this patience, and 15 seconds more.
    #[must_use]
    pub fn new(listener: TcpListener, patience: Duration) -> Self {
        Self { listener, write_timeout: patience + GOODBYE }
    }
}

impl Listener for TimedListener {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (connection, address) = Listener::accept(&mut self.listener).await;
        let mut timed = TimeoutStream::new(connection);
        timed.set_write_timeout(Some(self.write_timeout));
        (Box::pin(timed), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
