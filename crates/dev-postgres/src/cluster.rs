//! The cluster's files: making them, and ending a server that a killed process left on them.
//!
//! Must not know how a server is started. The caller holds the lock on the directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::place::Place;
use super::{Durability, Progress, run, until};

const INIT_LIMIT: Duration = Duration::from_mins(2);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const REMAINS_LIMIT: Duration = Duration::from_secs(2);

/// Makes the cluster, with a database `plantain`; a process killed meanwhile leaves nothing under the final name.
pub(super) async fn initialise(
    place: &Place,
    bin: &Path,
    durability: Durability,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    progress(&format!("initialising a Postgres cluster in {}", place.home.display()));
    let unfinished = place.unfinished("data")?;
    // The second for systems that lack the first, as older macOS does.
    if initdb(place, bin, &unfinished, "C.UTF-8", durability).await.is_err() {
        initdb(place, bin, &unfinished, "C", durability).await?;
    }
    create_database(place, bin, &unfinished).await?;
    fs::rename(&unfinished, place.data()).context("put the new cluster in its place")?;
    File::open(&place.home)
        .and_then(|home| home.sync_all())
        .context("flush the new cluster to disk")
}

async fn initdb(
    place: &Place,
    bin: &Path,
    data: &Path,
    locale: &str,
    durability: Durability,
) -> anyhow::Result<String> {
    let mut initdb = place.command(&bin.join("initdb"));
    initdb.arg("-D").arg(data).args(["-U", "plantain", "-E", "UTF8", "--locale", locale]);
    // Trust is for who can enter the socket's folder, and there is no other way in.
    initdb.args(["--auth-local=trust", "--auth-host=reject", "--no-instructions"]);
    if durability == Durability::Disposable {
        initdb.arg("--no-sync");
    }
    run(initdb, INIT_LIMIT).await
}

/// Without a server: neither a free socket nor a client is needed.
async fn create_database(place: &Place, bin: &Path, data: &Path) -> anyhow::Result<()> {
    let (reader, mut writer) = io::pipe().context("open a pipe")?;
    writer.write_all(b"CREATE DATABASE plantain\n").context("write to a pipe")?;
    drop(writer);
    let mut postgres = place.command(&bin.join("postgres"));
    postgres
        .arg("--single")
        .arg("-D")
        .arg(data)
        .args(["-c", "exit_on_error=on", "postgres"])
        .stdin(reader);
    run(postgres, INIT_LIMIT).await.context("create database plantain")?;
    Ok(())
}

/// Stops the server of a process that was killed, or waits while it is stopping.
pub(super) async fn stop_leftover(
    place: &Place,
    bin: &Path,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let data = place.data();
    let Some(pid) = server_pid(&data) else { return Ok(()) };
    if !serves(pid, &data) {
        return forget(pid, &data).await;
    }
    progress("stopping the Postgres that a killed process left behind");
    for name in ["INT", "QUIT"] {
        signal(place, bin, pid, name);
        if until(STOP_LIMIT, || !serves(pid, &data)).await {
            return Ok(());
        }
    }
    bail!("the Postgres left behind in {} (process {pid}) does not stop", data.display())
}

/// The server died without removing its postmaster.pid. When the number in it now belongs to another process (since a
/// reboot), or to remains that nobody collects, Postgres would refuse to start: remove the file. When the number belongs
/// to none, leave it: Postgres uses it to look for orphaned backends.
async fn forget(pid: u32, data: &Path) -> anyhow::Result<()> {
    until(REMAINS_LIMIT, || command_line(pid).is_none_or(|line| !line.is_empty())).await;
    if command_line(pid).is_some() {
        fs::remove_file(data.join("postmaster.pid"))
            .context("remove an outdated postmaster.pid")?;
    }
    Ok(())
}

/// Sends a signal; whether it worked shows in what becomes of the process.
pub(super) fn signal(place: &Place, bin: &Path, pid: u32, name: &str) {
    let _ = place.command(&bin.join("pg_ctl")).args(["kill", name, &pid.to_string()]).output();
}

fn server_pid(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

fn serves(pid: u32, data: &Path) -> bool {
    command_line(pid).is_some_and(|line| line.contains(&*data.to_string_lossy()))
}

/// Empty for what remains of a process until its parent collects it.
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
