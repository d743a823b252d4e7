//! `PgBouncer` in front of the Postgres of the tests.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use tempfile::TempDir;

use super::Database;

/// A running `PgBouncer` with four connections to a database; it ends with its test.
pub(crate) struct PgBouncer {
    folder: TempDir,
    process: Child,
}

impl PgBouncer {
    /// Starts it in front of a database, with these lines of its configuration.
    pub(crate) fn start(database: &Database, settings: &str) -> Self {
        let options: PgConnectOptions = database.url().parse().unwrap();
        let postgres = options.get_socket().unwrap();
        let owner = std::fs::metadata(postgres).unwrap();
        let folder = TempDir::new().unwrap();
        let configuration = format!(
            "[databases]\n* = host={} user=plantain\n[pgbouncer]\nlisten_port = 5432\nauth_type = any\nadmin_users = plantain\n\
            unix_socket_dir = {}\ndefault_pool_size = 4\n{settings}\n",
            postgres.display(),
            folder.path().display(),
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).unwrap();
        chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut command = Command::new(binary());
        command.arg("--quiet").arg(&file);
        if owner.uid() != std::fs::metadata(&file).unwrap().uid() {
            // It refuses to run as root, and Postgres accepts its own user only.
            command.uid(owner.uid()).gid(owner.gid());
        }
        let process = command.spawn().unwrap();
        Self { folder, process }
    }

    /// The folder with its socket, which appears soon after the start.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The processes of Postgres to which it is connected.
    pub(crate) async fn server_processes(&self) -> Vec<i32> {
        let console = format!(
            "postgres://plantain@localhost:5432/pgbouncer?host={}&sslmode=disable",
            self.folder().display()
        );
        let options: PgConnectOptions = console.parse().unwrap();
        let options = options.extra_float_digits(None);
        let mut console = PgConnection::connect_with(&options).await.unwrap();
        let servers = sqlx::raw_sql("SHOW SERVERS").fetch_all(&mut console).await.unwrap();
        servers.iter().map(|server| server.get("remote_pid")).collect()
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.folder().join(".s.PGSQL.5432").exists()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/find-pgbouncer");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}
