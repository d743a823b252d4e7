//! Writes `.sqlx`, the metadata of each checked query, so that builds need no database. With
//! `--check`, changes nothing and fails when `.sqlx` is not up to date.
//!
//! A separate package, because the gateway does not compile while a query is missing in `.sqlx`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use plantain_dev_postgres::{Durability, PrivatePostgres};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let scratch = Path::new("target/prepare-queries");
    let print_progress = |line: &str| eprintln!("{line}");
    let server =
        PrivatePostgres::start(&scratch.join("postgres"), Durability::Disposable, &print_progress)
            .await?;
    let prepared = prepare(&server.url("plantain"), &scratch.join("sqlx")).await;
    server.stop().await?;
    compare(&prepared?, Path::new(".sqlx"), check)
}

/// Applies this checkout's migrations to an empty database, then compiles the crate against it.
async fn prepare(url: &str, folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .execute(&mut connection)
        .await?;
    // Read at run time: a macro would embed the migrations of the last build.
    Migrator::new(Path::new("migrations")).await?.run(&mut connection).await?;
    connection.close().await?;
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    // sqlx checks the queries only when their crate is compiled, so touch a file and then restore
    // its time.
    let crate_root = fs::File::options().append(true).open("src/lib.rs")?;
    let modified = crate_root.metadata()?.modified()?;
    #[expect(clippy::disallowed_methods, reason = "a tool has no clock to inject")]
    let now = std::time::SystemTime::now();
    crate_root.set_modified(now)?;
    let status = Command::new("cargo")
        .args(["check", "--quiet", "--package", "plantain", "--lib"])
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", fs::canonicalize(folder)?)
        .status()
        .context("cannot run cargo")?;
    crate_root.set_modified(modified)?;
    crate_root.set_modified(modified)?;
    ensure!(status.success(), "the crate does not compile");
    read(folder)
}

fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    Ok(files)
}

fn compare(prepared: &BTreeMap<String, Vec<u8>>, folder: &Path, check: bool) -> anyhow::Result<()> {
    ensure!(!prepared.is_empty(), "no queries were found");
    let committed = read(folder)?;
    if committed.keys().eq(prepared.keys()) {
        println!("{} queries are up to date", prepared.len());
        return Ok(());
    }
    if check {
        bail!(".sqlx is not up to date; run `make queries` and commit it");
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    for (name, content) in prepared {
        fs::write(folder.join(name), content)?;
    }
    println!("{} queries written to .sqlx", prepared.len());
    Ok(())
}
