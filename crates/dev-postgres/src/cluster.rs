//! Creates the cluster's files, and stops a server that a killed process left running.
//!
//! Does not depend on how a server is started. The caller holds the lock on the directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::paths::ClusterPaths;
use super::{Durability, ProgressFn, run, until};

const INIT_TIMEOUT: Duration = Duration::from_mins(2);
const COPY_TIMEOUT: Duration = Duration::from_mins(2);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const ZOMBIE_TIMEOUT: Duration = Duration::from_secs(2);

/// Creates the cluster, with a database `plantain`. A process that is killed during this leaves nothing under the final
/// name.
pub(super) async fn initialize(
    paths: &ClusterPaths,
    bin: &Path,
    durability: Durability,
    progress: ProgressFn<'_>,
) -> anyhow::Result<()> {
    progress(&format!("initializing a Postgres cluster in {}", paths.home.display()));
    let unfinished = paths.unfinished("data")?;
    // Older macOS does not have the locale C.UTF-8.
    if initdb(paths, bin, &unfinished, "C.UTF-8", durability).await.is_err() {
        initdb(paths, bin, &unfinished, "C", durability).await?;
    }
    create_database(paths, bin, &unfinished).await?;
    fs::rename(&unfinished, paths.data()).context("rename the folder of the new cluster")?;
    File::open(&paths.home)
        .and_then(|home| home.sync_all())
        .context("flush the new cluster to disk")
}

/// Copies the cluster of the server at this socket, as its standby.
pub(super) async fn copy(paths: &ClusterPaths, bin: &Path, primary: &Path) -> anyhow::Result<()> {
    let unfinished = paths.unfinished("data")?;
    let mut copy = paths.command(&bin.join("pg_basebackup"));
    copy.arg("-D").arg(&unfinished).arg("-h").arg(primary);
    copy.args(["-p", "5432", "-U", "plantain", "-c", "fast", "-X", "stream", "-R"]);
    run(copy, COPY_TIMEOUT).await?;
    fs::rename(&unfinished, paths.data()).context("rename the folder of the standby")
}

async fn initdb(
    paths: &ClusterPaths,
    bin: &Path,
    data: &Path,
    locale: &str,
    durability: Durability,
) -> anyhow::Result<String> {
    let mut initdb = paths.command(&bin.join("initdb"));
    initdb.arg("-D").arg(data).args(["-U", "plantain", "-E", "UTF8", "--locale", locale]);
    // Trust is safe: only users who can enter the socket's folder can connect.
    initdb.args(["--auth-local=trust", "--auth-host=reject", "--no-instructions"]);
    if durability == Durability::Disposable {
        initdb.arg("--no-sync");
    }
    run(initdb, INIT_TIMEOUT).await
}

/// Uses the single-user mode, which needs neither a socket nor a client.
async fn create_database(paths: &ClusterPaths, bin: &Path, data: &Path) -> anyhow::Result<()> {
    let (reader, mut writer) = io::pipe().context("open a pipe")?;
    writer.write_all(b"CREATE DATABASE plantain\n").context("write to a pipe")?;
    drop(writer);
    let mut postgres = paths.command(&bin.join("postgres"));
    postgres
        .arg("--single")
        .arg("-D")
        .arg(data)
        .args(["-c", "exit_on_error=on", "postgres"])
        .stdin(reader);
    run(postgres, INIT_TIMEOUT).await.context("create database plantain")?;
    Ok(())
}

/// Stops the server that a killed process left running, or waits while it stops.
pub(super) async fn stop_leftover(
    paths: &ClusterPaths,
    bin: &Path,
    progress: ProgressFn<'_>,
) -> anyhow::Result<()> {
    let data = paths.data();
    let Some(pid) = server_pid(&data) else { return Ok(()) };
    if !is_server_of(pid, &data) {
        return remove_stale_pid_file(pid, &data).await;
    }
    progress("stopping the Postgres server that a killed process left running");
    for name in ["INT", "QUIT"] {
        signal(paths, bin, pid, name);
        if until(STOP_TIMEOUT, || !is_server_of(pid, &data)).await {
            return Ok(());
        }
    }
    bail!("the leftover Postgres server in {} (process {pid}) does not stop", data.display())
}

/// Removes the postmaster.pid of a server that died. When its pid now belongs to another process (after a reboot) or to
/// a zombie, Postgres would not start. When the pid belongs to no process, the file stays: Postgres uses it to find
/// orphaned backends.
async fn remove_stale_pid_file(pid: u32, data: &Path) -> anyhow::Result<()> {
    until(ZOMBIE_TIMEOUT, || command_line(pid).is_none_or(|line| !line.is_empty())).await;
    if command_line(pid).is_some() {
        fs::remove_file(data.join("postmaster.pid"))
            .context("remove an outdated postmaster.pid")?;
    }
    Ok(())
}

/// Sends a signal. The caller checks the process, so an error is ignored.
pub(super) fn signal(paths: &ClusterPaths, bin: &Path, pid: u32, name: &str) {
    let _ = paths.command(&bin.join("pg_ctl")).args(["kill", name, &pid.to_string()]).output();
}

fn server_pid(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

fn is_server_of(pid: u32, data: &Path) -> bool {
    command_line(pid).is_some_and(|line| line.contains(&*data.to_string_lossy()))
}

/// Command line of a process; empty for a zombie.
fn command_line(pid: u32) -> Option<String> {
    let line = if cfg!(target_os = "linux") {
        fs::read(format!("/proc/{pid}/cmdline")).ok()?
    } else {
        let ps = Command::new("ps")
            .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        ps.status.success().then_some(ps.stdout)?
    };
    Some(String::from_utf8_lossy(&line).into_owned())
}
