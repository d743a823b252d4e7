//! A private, persistent Postgres cluster that needs no configuration, for `plantain dev` and the test suite.
//!
//! Must not know what is kept in it: tables, migrations and pools are the caller's. Unix only.
//!
//! What lies in the caller's directory: `lock`, `postgres.log`, and, here or in the folder named by `elsewhere`,
//! `data` (the cluster), `socket` and `npm` (binaries, where none are installed).

mod binaries;
mod cluster;
mod place;
mod server;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use place::Place;
use server::Server;

const LOCK_LIMIT: Duration = Duration::from_secs(1);

/// Told one plain line per long step.
type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A running private cluster; stopped (fast shutdown) by `stop`, when dropped, or when the process dies.
///
/// Where no parent-death signal exists (outside Linux), the server outlives a killed process and is stopped by the
/// next `start`.
pub struct PrivatePostgres {
    // Dropped in this order: a server told to stop must not outlive the lock unannounced.
    server: Server,
    socket: PathBuf,
    _lock: File,
}

/// Whether what is committed must survive a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync` and its like stay on: for data somebody wants to find again.
    Durable,
    /// `fsync` and its like are off: for tests.
    Disposable,
}

impl PrivatePostgres {
    /// Starts the cluster kept under `directory`, which is created and initialised, with a database `plantain`, when
    /// missing; a server left behind by a killed process is stopped first. `progress` is told one plain line per long
    /// step.
    ///
    /// # Errors
    /// When another process uses `directory`, no Postgres can be found or fetched, the cluster is of another major
    /// version, or the server does not become ready.
    pub async fn start(
        directory: &Path,
        durability: Durability,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        Self::start_from(&binaries::installed(), directory, durability, progress).await
    }

    async fn start_from(
        candidates: &[PathBuf],
        directory: &Path,
        durability: Durability,
        progress: Progress<'_>,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        let directory =
            directory.canonicalize().with_context(|| format!("resolve {}", directory.display()))?;
        let lock = lock(&directory).await?;
        let place = Place::choose(&directory, progress).await?;
        let bin = binaries::find(candidates, &place, progress).await?;
        cluster::stop_leftover(&place, &bin, progress).await?;
        if !place.data().exists() {
            cluster::initialise(&place, &bin, durability, progress).await?;
        }
        let socket = place.socket_folder()?;
        let server =
            Server::start(place, bin, &socket, &directory.join("postgres.log"), durability).await?;
        Ok(Self { server, socket, _lock: lock })
    }

    /// Connection URL of one database in it, over the Unix socket, as user `plantain`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (database, host) =
            (percent_encoded(database), percent_encoded(&self.socket.to_string_lossy()));
        format!("postgres://plantain@localhost:5432/{database}?host={host}&sslmode=disable")
    }

    /// Stops it by a fast shutdown: open connections are closed, what was committed is kept.
    ///
    /// # Errors
    /// When the server had died before, or cannot be stopped.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.server.stop().await?;
        // Nothing depends on it, and the next start clears it anyway.
        let _ = fs::remove_dir_all(&self.socket);
        Ok(())
    }
}

/// Held while the cluster is in use. The kernel drops it with the process, which tells a leftover server from a live one.
async fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    let mut outcome = Ok(());
    // Not at once: a child that any thread has forked and that is yet to exec shares the lock for a moment.
    until(LOCK_LIMIT, || {
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

/// Runs a command to its end; its output, or an error with what it complained about.
async fn run(command: Command, limit: Duration) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let mut command = tokio::process::Command::from(command);
    let output = tokio::time::timeout(limit, command.kill_on_drop(true).output()).await;
    let output =
        output.with_context(|| format!("{program} took longer than {} s", limit.as_secs()))?;
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed ({}): {}", output.status, complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until the condition holds; `false` when it does not within `limit`.
async fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let polling = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, polling).await.is_ok()
}
