//! A private, persistent Postgres cluster that needs no configuration, for `plantain dev` and the test suite.
//!
//! Tables, migrations and connection pools are the caller's responsibility. Unix only.
//!
//! The caller's directory holds `lock` and `postgres.log`. It also holds `data` (the cluster), `socket` and `npm`
//! (binaries, when none are installed), unless the file `elsewhere` has the path of another folder for them.

mod binaries;
mod cluster;
mod paths;
mod server;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use paths::ClusterPaths;
use server::Server;

const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Callback that gets one line of text per long step.
type ProgressFn<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A running private cluster. It stops (fast shutdown) on `stop`, on drop, or when the process dies.
///
/// On systems without a parent-death signal (other than Linux), the server outlives a killed process, and the next
/// `start` stops it.
pub struct PrivatePostgres {
    // The drop order matters: the server must get its stop signal before the lock is released.
    server: Server,
    socket: PathBuf,
    _lock: File,
}

/// Whether committed data must survive a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync` and similar settings are on: for data that must be kept.
    Durable,
    /// `fsync` and similar settings are off: for tests.
    Disposable,
}

impl PrivatePostgres {
    /// Starts the cluster under `directory`. Creates and initializes it, with a database `plantain`, when it is
    /// missing, and first stops a server that a killed process left running. Calls `progress` with one line of text per
    /// long step.
    ///
    /// # Errors
    /// When another process uses `directory`, no Postgres can be found or fetched, the cluster is of another major
    /// version, or the server does not become ready.
    pub async fn start(
        directory: &Path,
        durability: Durability,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        Self::start_from(&binaries::installed(), None, directory, durability, progress).await
    }

    /// Starts a streaming standby of this server under `directory`, for tests of a failover. `pg_promote()` makes it a
    /// primary. Needs `pg_basebackup`, which the binaries from npm lack.
    ///
    /// # Errors
    /// As for [`Self::start`], and when the cluster cannot be copied.
    pub async fn start_standby(
        &self,
        directory: &Path,
        durability: Durability,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        Self::start_from(&binaries::installed(), Some(self), directory, durability, progress).await
    }

    /// The same with the newest Postgres that is supported, from npm, whatever is installed.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn start_newest(
        directory: &Path,
        durability: Durability,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        Self::start_from(&[], None, directory, durability, progress).await
    }

    async fn start_from(
        candidates: &[PathBuf],
        primary: Option<&Self>,
        directory: &Path,
        durability: Durability,
        progress: ProgressFn<'_>,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        let directory =
            directory.canonicalize().with_context(|| format!("resolve {}", directory.display()))?;
        let lock = lock(&directory).await?;
        let paths = ClusterPaths::choose(&directory, progress).await?;
        let bin = binaries::find(candidates, &paths, progress).await?;
        cluster::stop_leftover(&paths, &bin, progress).await?;
        if !paths.data().exists() {
            match primary {
                Some(primary) => cluster::copy(&paths, &bin, &primary.socket).await?,
                None => cluster::initialize(&paths, &bin, durability, progress).await?,
            }
        }
        let socket = paths.socket_folder()?;
        let server =
            Server::start(paths, bin, &socket, &directory.join("postgres.log"), durability).await?;
        Ok(Self { server, socket, _lock: lock })
    }

    /// Whether this Postgres has what [`Self::start_standby`] needs.
    #[must_use]
    pub fn can_have_standby(&self) -> bool {
        self.server.has_program("pg_basebackup")
    }

    /// Connection URL of a database of the cluster, over the Unix socket, as user `plantain`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (database, host) =
            (percent_encoded(database), percent_encoded(&self.socket.to_string_lossy()));
        format!("postgres://plantain@localhost:5432/{database}?host={host}&sslmode=disable")
    }

    /// Stops the server by a fast shutdown: open connections are closed, committed data is kept.
    ///
    /// # Errors
    /// When the server has already failed, or does not stop.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.server.stop().await?;
        // Ignore an error: the next start removes the folder anyway.
        let _ = fs::remove_dir_all(&self.socket);
        Ok(())
    }
}

/// Locks the cluster while it is in use. The kernel releases the lock when the process dies, so a held lock means that
/// the owner of the server is alive.
async fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    let mut outcome = Ok(());
    // Retry for a while: a child that another thread has forked shares the lock until it calls exec.
    until(LOCK_TIMEOUT, || {
        outcome = file.try_lock();
        !matches!(outcome, Err(TryLockError::WouldBlock))
    })
    .await;
    match outcome {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "the private Postgres in {} is in use by another process: stop that one first",
                directory.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock {}", path.display()))
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Runs a command to its end. Returns its standard output, or an error with its standard error.
async fn run(command: Command, timeout: Duration) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let mut command = tokio::process::Command::from(command);
    let output = tokio::time::timeout(timeout, command.kill_on_drop(true).output()).await;
    let output =
        output.with_context(|| format!("{program} took longer than {} s", timeout.as_secs()))?;
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed ({}): {}", output.status, stderr.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until the condition holds; returns `false` when it does not hold within `timeout`.
async fn until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let polling = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(timeout, polling).await.is_ok()
}
