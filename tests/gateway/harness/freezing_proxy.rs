//! A proxy in front of Postgres whose connections can become silent without being closed, as those of a lost network do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// The proxy; it ends with the runtime of its test.
pub(crate) struct FreezingProxy {
    folder: TempDir,
    frozen: Arc<Mutex<CancellationToken>>,
}

impl FreezingProxy {
    /// Starts a proxy in front of the socket of Postgres in this folder, which may change.
    pub(crate) fn start(postgres: Arc<Mutex<PathBuf>>) -> Self {
        let folder = TempDir::new().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let frozen = Arc::new(Mutex::new(CancellationToken::new()));
        let proxy = Self { folder, frozen: Arc::clone(&frozen) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let token = frozen.lock().unwrap().clone();
                let postgres = postgres.lock().unwrap().clone();
                tokio::spawn(forward(client, postgres, token));
            }
        });
        proxy
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All open connections become silent; new ones work.
    pub(crate) fn freeze(&self) {
        let mut frozen = self.frozen.lock().unwrap();
        std::mem::take(&mut *frozen).cancel();
    }
}

async fn forward(mut client: UnixStream, postgres: PathBuf, frozen: CancellationToken) {
    // While Postgres is down, the connection ends.
    let Ok(mut server) = UnixStream::connect(postgres.join(".s.PGSQL.5432")).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // Holds both ends open, for longer than any deadline; Postgres has a limited number of connections.
        () = frozen.cancelled() => tokio::time::sleep(Duration::from_mins(1)).await,
    }
}
