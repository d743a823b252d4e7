//! One Postgres per test run, and the newest one for some tests; one database per test, copied from a migrated
//! template.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use plantain_dev_postgres::{Durability, PrivatePostgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::freezing_proxy::FreezingProxy;

static INSTALLED: OnceLock<PrivatePostgres> = OnceLock::new();
static NEWEST: OnceLock<PrivatePostgres> = OnceLock::new();
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(0);

/// Which Postgres a test uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// The one on this machine.
    Installed,
    /// The newest that is supported.
    Newest,
}

impl Version {
    /// The first test starts the server on a separate thread, so that it does not depend on the runtime
    /// of one test. The server stops with this process.
    fn server(self) -> &'static PrivatePostgres {
        let server = match self {
            Self::Installed => &INSTALLED,
            Self::Newest => &NEWEST,
        };
        server.get_or_init(|| {
            let start = move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(start(self))
            };
            std::thread::spawn(start).join().unwrap()
        })
    }

    fn folder(self) -> PathBuf {
        let name = match self {
            Self::Installed => "postgres",
            Self::Newest => "postgres-newest",
        };
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
    }
}

/// A database of one test.
#[derive(Clone)]
pub(crate) struct Database {
    version: Version,
    name: String,
    /// The folder with the socket of a proxy; otherwise that of Postgres.
    proxy: Option<PathBuf>,
}

impl Database {
    pub(crate) async fn create() -> Self {
        Self::create_in(Version::Installed).await
    }

    pub(crate) async fn create_in(version: Version) -> Self {
        let name = next_name();
        let create = format!("CREATE DATABASE {name} TEMPLATE migrated STRATEGY wal_log");
        Self::create_by(version, name, create).await
    }

    async fn create_by(version: Version, name: String, statement: String) -> Self {
        let server = tokio::task::spawn_blocking(move || version.server()).await.unwrap();
        let mut connection = PgConnection::connect(&server.url("plantain")).await.unwrap();
        run(&mut connection, statement).await;
        Self { version, name, proxy: None }
    }

    /// Creates an empty database, whose texts are compared by the rules of this locale. The gateway
    /// migrates it.
    pub(crate) async fn create_with_locale(locale: &str) -> Self {
        let name = next_name();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE '{locale}'");
        Self::create_by(Version::Installed, name, create).await
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The database without its proxy.
    pub(crate) fn direct_url(&self) -> String {
        self.version.server().url(&self.name)
    }

    pub(crate) fn url(&self) -> String {
        let url = self.direct_url();
        match &self.proxy {
            Some(folder) => {
                let end = url.find("host=").unwrap();
                format!("{}host={}&sslmode=disable", &url[..end], folder.display())
            }
            None => url,
        }
    }

    /// The same database behind a proxy.
    pub(crate) fn behind_proxy(self) -> (Self, FreezingProxy) {
        let options: PgConnectOptions = self.url().parse().unwrap();
        let proxy =
            FreezingProxy::start(Arc::new(Mutex::new(options.get_socket().unwrap().clone())));
        (self.behind(proxy.folder()), proxy)
    }

    /// The same database behind what listens in this folder.
    pub(crate) fn behind(self, folder: &Path) -> Self {
        Self { proxy: Some(folder.to_owned()), ..self }
    }

    /// The messages about this database in the log of the server.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = std::fs::read(self.version.folder().join("postgres.log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        // The further lines of a message begin with a tab.
        let marker = format!("] {} ", self.name);
        let mut messages: Vec<String> = Vec::new();
        let mut is_ours = false;
        for line in log.lines() {
            if !line.starts_with('\t') {
                is_ours = line.contains(&marker);
                messages.extend(is_ours.then(String::new));
            }
            if let Some(message) = messages.last_mut().filter(|_| is_ours) {
                message.push_str(line);
                message.push('\n');
            }
        }
        messages
    }

    /// Opens a connection for queries that the API does not offer.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

fn next_name() -> String {
    format!("test_{}", NEXT_NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Runs a statement that contains no input of a test.
async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

async fn start(version: Version) -> PrivatePostgres {
    let print_line = |line: &str| println!("{line}");
    let (folder, durability) = (version.folder(), Durability::Disposable);
    let server = match version {
        Version::Installed => PrivatePostgres::start(&folder, durability, &print_line).await,
        Version::Newest => PrivatePostgres::start_newest(&folder, durability, &print_line).await,
    };
    let server = server.unwrap();
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
