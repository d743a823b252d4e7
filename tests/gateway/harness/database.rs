//! One Postgres per test run, one database per test, copied from a migrated template.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use plantain_dev_postgres::{Durability, PrivatePostgres};
use sqlx::{Connection, PgConnection};

static SERVER: OnceLock<PrivatePostgres> = OnceLock::new();
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database of one test.
#[derive(Clone)]
pub(crate) struct Database {
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let name = format!("test_{}", NEXT_NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(server).await.unwrap();
        let mut connection = PgConnection::connect(&server.url("plantain")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE migrated STRATEGY wal_log");
        run(&mut connection, create).await;
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        SERVER.get().unwrap().url(&self.name)
    }

    /// Opens a connection for queries that the API does not offer.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

/// Runs a statement that contains no input of a test.
async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// The first test starts the server on a separate thread, so that it does not depend on the runtime
/// of one test. The server stops with this process.
fn server() -> &'static PrivatePostgres {
    SERVER.get_or_init(|| {
        let start = || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(start())
        };
        std::thread::spawn(start).join().unwrap()
    })
}

async fn start() -> PrivatePostgres {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres");
    let print_line = |line: &str| println!("{line}");
    let server =
        PrivatePostgres::start(&folder, Durability::Disposable, &print_line).await.unwrap();
    let mut connection = PgConnection::connect(&server.url("plantain")).await.unwrap();
    let query =
        "SELECT datname FROM pg_database WHERE datname LIKE 'test%' OR datname = 'migrated'";
    let old: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
    for name in old {
        run(&mut connection, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
    run(&mut connection, "CREATE DATABASE migrated".to_owned()).await;
    plantain::store::migrate(&server.url("migrated")).await.unwrap();
    server
}
