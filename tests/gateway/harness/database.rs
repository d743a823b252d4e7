//! One Postgres per test run, one database per test, copied from a migrated template.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use plantain_dev_postgres::{Durability, PrivatePostgres};
use sqlx::{Connection, PgConnection};

static SERVER: OnceLock<PrivatePostgres> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of one test.
#[derive(Clone)]
pub(crate) struct Database {
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(server).await.unwrap();
        let mut connection = PgConnection::connect(&server.url("plantain")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE migrated STRATEGY wal_log");
        run(&mut connection, create).await;
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        SERVER.get().unwrap().url(&self.name)
    }

    /// A connection, for what the gateway has no words for.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

/// Runs a statement that no test's input is part of.
async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// Started by the first test on a thread of its own, so that it belongs to no test's runtime; ends
/// with this process.
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
    let say = |line: &str| println!("{line}");
    let server = PrivatePostgres::start(&folder, Durability::Disposable, &say).await.unwrap();
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
