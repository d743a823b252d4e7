//! The Postgres of the run: one primary at a time, and for a while its standby.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plantain_dev_postgres::{Durability, PrivatePostgres};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

/// How long a standby may take until it has everything that the primary has.
const SYNC_TIME: Duration = Duration::from_secs(60);
const SETTING_TIME: Duration = Duration::from_secs(1);

pub(crate) struct Cluster {
    folder: PathBuf,
    /// The number of the folder of the primary; one more after each failover.
    number: u32,
    primary: Option<PrivatePostgres>,
}

impl Cluster {
    pub(crate) async fn start(folder: &Path) -> Self {
        let folder = folder.join("postgres");
        let mut cluster = Self { folder, number: 0, primary: None };
        cluster.restart().await;
        cluster
    }

    pub(crate) fn url(&self) -> String {
        self.primary.as_ref().unwrap().url("plantain")
    }

    pub(crate) async fn restart(&mut self) {
        let started =
            PrivatePostgres::start(&self.directory(), Durability::Durable, &print_line).await;
        self.primary = Some(started.unwrap());
    }

    pub(crate) async fn stop(&mut self, crash: bool) {
        if crash {
            signal_postmaster(&self.directory(), "-QUIT");
        }
        // After a crash, it says that the server has failed.
        let stopped = self.primary.take().unwrap().stop().await;
        assert!(crash || stopped.is_ok(), "{stopped:?}");
    }

    /// Whether this Postgres can copy its cluster: that from npm cannot.
    pub(crate) fn can_fail_over(&self) -> bool {
        self.primary.as_ref().unwrap().can_have_standby()
    }

    /// Copies the primary to a standby, waits until each commit waits for both, then crashes the primary: what was committed
    /// is not lost.
    pub(crate) async fn fail_over(&mut self, pause: Duration) {
        let primary = self.primary.as_ref().unwrap();
        let mut database = PgConnection::connect(&primary.url("plantain")).await.unwrap();
        let number = self.number + 1;
        let directory = self.folder.join(number.to_string());
        let standby = primary.start_standby(&directory, Durability::Durable, &print_line).await;
        let standby = standby.unwrap();
        for statement in
            ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"]
        {
            sqlx::raw_sql(statement).execute(&mut database).await.unwrap();
        }
        wait_until(
            &mut database,
            "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')",
        )
        .await;
        // The setting reaches all processes of Postgres within a moment.
        sleep(SETTING_TIME + pause).await;
        drop(database);
        self.stop(true).await;
        let mut promoted = PgConnection::connect(&standby.url("plantain")).await.unwrap();
        sqlx::raw_sql("SELECT pg_promote()").execute(&mut promoted).await.unwrap();
        wait_until(&mut promoted, "SELECT NOT pg_is_in_recovery()").await;
        remove(&self.directory());
        (self.number, self.primary) = (number, Some(standby));
    }

    fn directory(&self) -> PathBuf {
        self.folder.join(self.number.to_string())
    }
}

async fn wait_until(database: &mut PgConnection, condition: &'static str) {
    let deadline = Instant::now() + SYNC_TIME;
    loop {
        if sqlx::query_scalar(condition).fetch_one(&mut *database).await.unwrap() {
            return;
        }
        assert!(Instant::now() < deadline, "{condition}");
        sleep(Duration::from_millis(50)).await;
    }
}

fn print_line(line: &str) {
    println!("{line}");
}

fn signal_postmaster(directory: &Path, signal: &str) {
    let file = find_file(directory, "postmaster.pid").unwrap();
    let pid = std::fs::read_to_string(file).unwrap();
    let pid = pid.lines().next().unwrap();
    let sent = std::process::Command::new("kill").args([signal, pid]).status().unwrap();
    assert!(sent.success());
}

fn remove(directory: &Path) {
    for home in homes(directory) {
        std::fs::remove_dir_all(home).unwrap();
    }
}

fn find_file(directory: &Path, name: &str) -> Option<PathBuf> {
    homes(directory).map(|home| home.join("data").join(name)).find(|path| path.exists())
}

/// The folders of a cluster: its files may be in another one.
fn homes(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let elsewhere = std::fs::read_to_string(directory.join("elsewhere"));
    let elsewhere = elsewhere.ok().map(|path| PathBuf::from(path.trim()));
    elsewhere.into_iter().chain([directory.to_owned()])
}
