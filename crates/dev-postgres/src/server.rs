//! The running server: one child process, and the thread it is tied to.
//!
//! Must not know where the programs or the cluster come from.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use tokio::sync::oneshot;

use super::cluster::signal;
use super::place::Place;
use super::{Durability, run, until};

const READY_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);

type Thread = JoinHandle<io::Result<ExitStatus>>;

pub(super) struct Server {
    place: Place,
    bin: PathBuf,
    log: PathBuf,
    pid: u32,
    /// Ends with the server.
    thread: Option<Thread>,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(super) async fn start(
        place: Place,
        bin: PathBuf,
        socket: &Path,
        log: &Path,
        durability: Durability,
    ) -> anyhow::Result<Self> {
        let mut command = command(&place, &bin.join("postgres"), socket, durability).await;
        let output = File::options().create(true).truncate(true).write(true).mode(0o600).open(log);
        let output = output.with_context(|| format!("open {}", log.display()))?;
        command.stdout(output.try_clone().context("share the log file")?).stderr(output);
        // A Ctrl-C in the terminal is for us alone: we need the server until we have finished.
        command.process_group(0);
        let (pid, thread) = spawn(command).await?;
        let server = Self { place, bin, log: log.to_owned(), pid, thread: Some(thread) };
        server.wait_ready().await?;
        Ok(server)
    }

    async fn wait_ready(&self) -> anyhow::Result<()> {
        let ready = || {
            let text =
                fs::read_to_string(self.place.data().join("postmaster.pid")).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            // The first line: the file may still be that of a server that crashed.
            lines.next() == Some(&self.pid.to_string()) && lines.nth(6) == Some("ready")
        };
        until(READY_LIMIT, || ready() || self.has_ended()).await;
        ensure!(!self.has_ended(), "postgres ended while starting{}", self.tail());
        ensure!(
            ready(),
            "postgres was not ready within {} s{}",
            READY_LIMIT.as_secs(),
            self.tail()
        );
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Fast shutdown, or an immediate one when that takes too long.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        for name in ["INT", "QUIT"] {
            if !self.has_ended() {
                signal(&self.place, &self.bin, self.pid, name);
                until(STOP_LIMIT, || self.has_ended()).await;
            }
        }
        if !self.has_ended() {
            bail!("postgres (process {}) does not stop{}", self.pid, self.tail());
        }
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let status = thread.join().map_err(|_| anyhow!("the thread of postgres panicked"))??;
        ensure!(status.success(), "postgres ended with {status}{}", self.tail());
        Ok(())
    }

    /// The last lines of the log, to end an error with.
    fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.trim_end().lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n");
        format!("; {} ends with:\n{last}", self.log.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended() {
            signal(&self.place, &self.bin, self.pid, "INT");
        }
    }
}

async fn command(place: &Place, postgres: &Path, socket: &Path, durability: Durability) -> Command {
    let mut setpriv = place.command(Path::new("setpriv"));
    setpriv.args(["--pdeathsig", "INT"]);
    let mut probe = place.command(Path::new("setpriv"));
    probe.args(["--pdeathsig", "INT", "true"]);
    let mut command = if run(probe, Duration::from_secs(10)).await.is_ok() {
        setpriv.arg(postgres);
        setpriv
    } else {
        place.command(postgres)
    };
    // Quoted, because it is a list.
    let socket = socket.to_string_lossy().replace('"', "\"\"");
    command.arg("-D").arg(place.data()).args(["-p", "5432"]);
    command.arg("-c").arg(format!("unix_socket_directories=\"{socket}\""));
    command.args([
        "-c",
        "listen_addresses=",
        "-c",
        "max_connections=200",
        "-c",
        "shared_buffers=128MB",
    ]);
    if durability == Durability::Disposable {
        command.args([
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
        ]);
    }
    command
}

/// The parent-death signal comes when the thread that spawned ends, so that thread must live as long as the server.
async fn spawn(mut command: Command) -> anyhow::Result<(u32, Thread)> {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::Builder::new().name("postgres".into()).spawn(move || {
        let mut child = command.spawn()?;
        if sender.send(child.id()).is_err() {
            // Whoever wanted it has gone meanwhile.
            child.kill()?;
        }
        child.wait()
    });
    let thread = thread.context("start a thread for postgres")?;
    match receiver.await {
        Ok(pid) => Ok((pid, thread)),
        Err(_) => bail!("cannot run postgres: {:?}", thread.join()),
    }
}
