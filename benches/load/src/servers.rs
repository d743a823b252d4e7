//! Starts Postgres, the gateway and the baseline server, and signs tokens.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context;
use jsonwebtoken::{EncodingKey, Header};
use plantain_dev_postgres::{Durability, PrivatePostgres};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::peers::{self, Peer};
use crate::{Args, cpu, seed};

/// Random: `serve` rejects secrets that are written in a repository.
static SECRET: LazyLock<String> = LazyLock::new(|| hex::encode(rand::random::<[u8; 32]>()));
const PUBLIC_URL: &str = "https://plantain.example";
/// Expiry time of the tokens: 2100-01-01.
const EXPIRES: i64 = 4_102_444_800;

/// Everything that runs.
pub struct Setup {
    postgres: PrivatePostgres,
    postgres_pid: u32,
    pub gateway: Server,
    pub baseline: Server,
    /// Other servers for the same queries; empty without `--peers`.
    pub peers: Vec<Peer>,
    pub database: String,
    program: PathBuf,
    folder: PathBuf,
}

/// A measured server process.
pub struct Server {
    process: Child,
    pub pid: u32,
    pub port: u16,
}

impl Setup {
    pub async fn start(args: &Args, folder: &Path) -> anyhow::Result<Self> {
        let progress = |line: &str| println!("{line}");
        let home = folder.join("postgres");
        let postgres = PrivatePostgres::start(&home, Durability::Durable, &progress).await?;
        let home = home.canonicalize()?;
        let postgres_pid =
            cpu::find_root(&home.join("data").to_string_lossy()).context("no postgres process")?;
        let database = postgres.url("plantain");
        let (program, folder) = (args.gateway.clone(), folder.to_owned());
        let gateway = start_gateway(&program, &database, &folder, &NO_SUBMISSIONS).await?;
        println!("seeding {} tasks …", args.tasks);
        seed::fill(&database, args.users, args.tasks).await?;
        let baseline = start_baseline(&database).await?;
        let peers = if args.peers { peers::start(&database).await? } else { Vec::new() };
        Ok(Self { postgres, postgres_pid, gateway, baseline, peers, database, program, folder })
    }

    /// Replaces the gateway by one that submits to this provider without a limit. Unfinished tasks are
    /// removed first.
    pub async fn restart_gateway(&mut self, provider: &str) -> anyhow::Result<()> {
        self.gateway.process.kill().await?;
        seed::remove_unfinished(&self.database).await?;
        let settings = [
            ("NANOBANANA_BASE_URL", provider),
            ("PLANTAIN_ALLOW_PRIVATE_ADDRESSES", "true"),
            ("PLANTAIN_SUBMISSIONS_PER_10_SECONDS", "100000"),
            ("PLANTAIN_QUERIES_PER_SECOND", "100000"),
        ];
        self.gateway =
            start_gateway(&self.program, &self.database, &self.folder, &settings).await?;
        Ok(())
    }

    /// A token of a seeded user.
    pub fn token(user: i64) -> anyhow::Result<String> {
        Self::token_of(&seed::user(user))
    }

    /// A token of this user.
    pub fn token_of(user: &str) -> anyhow::Result<String> {
        let claims = json!({ "sub": user, "exp": EXPIRES });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
    }

    /// CPU time of Postgres so far, in microseconds.
    pub fn postgres_cpu(&self) -> u64 {
        cpu::of_tree(self.postgres_pid)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.gateway.process.kill().await?;
        self.baseline.process.kill().await?;
        for peer in &mut self.peers {
            peer.server.process.kill().await?;
        }
        self.postgres.stop().await
    }
}

/// Settings of a gateway whose submitted tasks stay QUEUED.
const NO_SUBMISSIONS: [(&str, &str); 2] = [
    ("NANOBANANA_BASE_URL", "https://nanobanana.invalid"),
    ("PLANTAIN_SUBMISSIONS_PER_10_SECONDS", "0"),
];

async fn start_gateway(
    program: &Path,
    database: &str,
    folder: &Path,
    settings: &[(&str, &str)],
) -> anyhow::Result<Server> {
    let port = free_port()?;
    let process = Command::new(program)
        .arg("serve")
        .env("DATABASE_URL", database)
        .env("PLANTAIN_BIND", format!("127.0.0.1:{port}"))
        .env("PLANTAIN_PUBLIC_URL", PUBLIC_URL)
        .env("PLANTAIN_SECRET", SECRET.repeat(2))
        .env("PLANTAIN_JWT_SECRET", SECRET.as_str())
        .env("PLANTAIN_DATA_DIR", folder)
        .env("PLANTAIN_DATABASE_CONNECTIONS", "10")
        // All clients of the benchmark have one address, and some are one user.
        .env("PLANTAIN_MAX_ADDRESS_CONNECTIONS", "100000")
        .env("PLANTAIN_MAX_USER_OPERATIONS", "1000")
        .env("NANOBANANA_API_KEY", "key")
        .envs(settings.iter().copied())
        .env("PLANTAIN_LOG", "warn")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let pid = process.id().context("the gateway has ended")?;
    let ready = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ready)
        .await
        .context("the gateway did not start")?;
    Ok(Server { process, pid, port })
}

async fn start_baseline(database: &str) -> anyhow::Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--serve-baseline", database]);
    start_server(command).await
}

/// Starts a peer with the settings of the gateway that it needs.
pub async fn start_peer(mut command: Command, database: &str) -> anyhow::Result<Server> {
    command
        .env("DATABASE_URL", database)
        .env("PLANTAIN_PUBLIC_URL", PUBLIC_URL)
        .env("PLANTAIN_SECRET", SECRET.repeat(2))
        .env("PLANTAIN_JWT_SECRET", SECRET.as_str())
        .env("NODE_ENV", "production");
    start_server(command).await
}

/// Starts a server that writes its port to standard output.
async fn start_server(mut command: Command) -> anyhow::Result<Server> {
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let pid = process.id().context("the server has ended")?;
    let output = process.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
    let line = line.context("the server did not start")??.context("no port")?;
    Ok(Server { process, pid, port: line.parse()? })
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
