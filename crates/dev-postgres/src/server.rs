//! The running server: one child process, and the thread that owns it.
//!
//! Does not depend on where the binaries and the cluster come from.

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
use super::paths::ClusterPaths;
use super::{Durability, run, until};

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

type Thread = JoinHandle<io::Result<ExitStatus>>;

pub(super) struct Server {
    paths: ClusterPaths,
    bin: PathBuf,
    log: PathBuf,
    pid: u32,
    /// Waits for the server process and ends with it.
    thread: Option<Thread>,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
    pub(super) async fn start(
        paths: ClusterPaths,
        bin: PathBuf,
        socket: &Path,
        log: &Path,
        durability: Durability,
    ) -> anyhow::Result<Self> {
        let mut command = command(&paths, &bin.join("postgres"), socket, durability).await;
        let output = File::options().create(true).truncate(true).write(true).mode(0o600).open(log);
        let output = output.with_context(|| format!("open {}", log.display()))?;
        command.stdout(output.try_clone().context("share the log file")?).stderr(output);
        // Ctrl-C in the terminal must not reach the server: this process needs the server until it has shut down.
        command.process_group(0);
        let (pid, thread) = spawn(command).await?;
        let server = Self { paths, bin, log: log.to_owned(), pid, thread: Some(thread) };
        server.wait_ready().await?;
        Ok(server)
    }

    pub(super) fn has_program(&self, name: &str) -> bool {
        self.bin.join(name).exists()
    }

    async fn wait_ready(&self) -> anyhow::Result<()> {
        let ready = || {
            let text =
                fs::read_to_string(self.paths.data().join("postmaster.pid")).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            // The first line is the pid: the file may still be that of a crashed server.
            lines.next() == Some(&self.pid.to_string())
                && matches!(lines.nth(6), Some("ready" | "standby"))
        };
        until(READY_TIMEOUT, || ready() || self.has_ended()).await;
        ensure!(!self.has_ended(), "postgres ended while starting{}", self.tail());
        ensure!(
            ready(),
            "postgres was not ready within {} s{}",
            READY_TIMEOUT.as_secs(),
            self.tail()
        );
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Fast shutdown, then an immediate shutdown when the first takes longer than `STOP_TIMEOUT`.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        for name in ["INT", "QUIT"] {
            if !self.has_ended() {
                signal(&self.paths, &self.bin, self.pid, name);
                until(STOP_TIMEOUT, || self.has_ended()).await;
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

    /// The last lines of the log, for error messages.
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
            signal(&self.paths, &self.bin, self.pid, "INT");
        }
    }
}

async fn command(
    paths: &ClusterPaths,
    postgres: &Path,
    socket: &Path,
    durability: Durability,
) -> Command {
    let mut setpriv = paths.command(Path::new("setpriv"));
    setpriv.args(["--pdeathsig", "INT"]);
    let mut probe = paths.command(Path::new("setpriv"));
    probe.args(["--pdeathsig", "INT", "true"]);
    let mut command = if run(probe, Duration::from_secs(10)).await.is_ok() {
        setpriv.arg(postgres);
        setpriv
    } else {
        paths.command(postgres)
    };
    // Quoted, because the setting is a list of paths.
    let socket = socket.to_string_lossy().replace('"', "\"\"");
    command.arg("-D").arg(paths.data()).args(["-p", "5432"]);
    command.arg("-c").arg(format!("unix_socket_directories=\"{socket}\""));
    command.args([
        "-c",
        "listen_addresses=",
        "-c",
        "max_connections=200",
        "-c",
        "shared_buffers=128MB",
        "-c",
        "log_line_prefix=%m [%p] %d ",
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

/// Linux sends the parent-death signal when the thread that spawned the child ends, so the thread must live as long as
/// the server.
async fn spawn(mut command: Command) -> anyhow::Result<(u32, Thread)> {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::Builder::new().name("postgres".into()).spawn(move || {
        let mut child = command.spawn()?;
        if sender.send(child.id()).is_err() {
            // The caller was dropped in the meantime.
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
