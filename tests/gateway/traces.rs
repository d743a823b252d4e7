//! Traces, with the real program and a real collector.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Database, eventually};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that ends with its test, and what it writes.
struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    fn start(command: &mut Command, output: &Path) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(output).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, output: output.to_owned() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A collector that writes every span that it receives.
fn start_collector(folder: &Path) -> (Process, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/find-collector");
    let found = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(found.status.success(), "the collector cannot be installed");
    let (http, grpc) = (free_port(), free_port());
    let mut command = Command::new(String::from_utf8(found.stdout).unwrap().trim());
    command.args(["start", "--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
    command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
    command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
    command.args(["--exporter", "blackhole"]);
    let process = Process::start(&mut command, &folder.join("collector.log"));
    (process, format!("http://127.0.0.1:{http}"))
}

/// `plantain dev` with a database of the tests, which exports traces.
struct Gateway {
    folder: TempDir,
    database: Database,
    collector: String,
    port: u16,
    /// Replaces the simulated NanoBanana.
    provider: Option<String>,
}

impl Gateway {
    fn start(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plantain"));
        command.arg("dev").env("DATABASE_URL", self.database.url());
        command.env("PLANTAIN_DATA_DIR", self.folder.path().join("data"));
        command.env("PLANTAIN_BIND", format!("127.0.0.1:{}", self.port));
        command.env("PLANTAIN_SIMULATOR_BIND", "127.0.0.1:0");
        command.env("PLANTAIN_SIMULATOR_DELAY_MS", "200");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.collector);
        // Spans are exported soon, so that the test need not wait.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        if let Some(url) = &self.provider {
            command.env("NANOBANANA_API_KEY", "a-key").env("NANOBANANA_BASE_URL", url);
        }
        Process::start(&mut command, &self.folder.path().join("gateway.log"))
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn wait_until_ready(&self) {
        eventually("the gateway to be ready", || async {
            let ready = reqwest::get(format!("{}/readyz", self.url())).await.ok()?;
            (ready.status() == 200).then_some(())
        })
        .await;
    }

    fn token(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plantain"));
        command.args(["token", "--sub", "ana"]);
        command.env("PLANTAIN_DATA_DIR", self.folder.path().join("data"));
        String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
    }

    async fn graphql(&self, query: &str) -> Value {
        let request = reqwest::Client::new().post(format!("{}/graphql", self.url()));
        let request = request.bearer_auth(self.token()).json(&json!({ "query": query }));
        let request = request.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// The names of the spans of the client's trace that the collector has received.
fn names(collector: &Process) -> Vec<String> {
    let text = collector.text();
    let spans = text
        .split("Trace ID")
        .skip(1)
        .filter(|span| span.lines().next().is_some_and(|line| line.contains(TRACE)));
    let name = |span: &str| {
        let line = span.lines().find(|line| line.trim_start().starts_with("Name"))?;
        Some(line.split(':').nth(1)?.trim().trim_matches('"').to_owned())
    };
    spans.filter_map(name).collect()
}

#[tokio::test]
async fn one_trace_follows_a_task_from_the_client_to_the_push_across_a_restart() {
    let folder = TempDir::new().unwrap();
    let (collector, url) = start_collector(folder.path());
    let database = Database::create().await;
    let gateway = Gateway { folder, database, collector: url, port: free_port(), provider: None };
    let process = gateway.start();
    gateway.wait_until_ready().await;
    let generate =
        "mutation { generateImages(input: { prompt: \"a private prompt\", waitSeconds: 30 }) {
        ... on TaskAccepted { task { status } } } }";
    let done = gateway.graphql(generate).await;
    assert_eq!(done["data"]["generateImages"]["task"]["status"], "SUCCEEDED", "{done}");
    let all = ["POST /graphql", "submit", "inbox", "poll", "download", "push"];
    eventually("the spans of all steps", || async {
        let names = names(&collector);
        all.iter().all(|name| names.iter().any(|found| found == name)).then_some(())
    })
    .await;
    assert!(process.text().contains(TRACE), "the log has the id of the trace");
    assert!(!collector.text().contains("private"), "a span contains the prompt");

    let slow =
        "mutation { generateImages(input: { prompt: \"b [sim:slow=2]\", model: \"nano-banana\" }) {
        ... on TaskAccepted { task { id } } } }";
    let downloads = |names: &[String]| names.iter().filter(|name| *name == "download").count();
    let before = downloads(&names(&collector));
    gateway.graphql(slow).await;
    drop(process);
    let _process = gateway.start();
    gateway.wait_until_ready().await;
    eventually("the steps after the restart", || async {
        (downloads(&names(&collector)) > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn providers_do_not_learn_of_a_trace() {
    let folder = TempDir::new().unwrap();
    let (_collector, collector) = start_collector(folder.path());
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(String::new()));
    let received = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in provider.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 16 * 1024];
            let length = stream.read(&mut buffer).unwrap_or_default();
            received.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            let _ = stream
                .write_all(b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    let database = Database::create().await;
    let gateway = Gateway { folder, database, collector, port: free_port(), provider: Some(url) };
    let _process = gateway.start();
    gateway.wait_until_ready().await;
    gateway
        .graphql("mutation { generateImages(input: { prompt: \"a\", model: \"nano-banana\" }) { __typename } }")
        .await;
    eventually("the submission", || async {
        heads.lock().unwrap().contains("/generate").then_some(())
    })
    .await;
    let heads = heads.lock().unwrap().to_lowercase();
    assert!(!heads.contains("traceparent") && !heads.contains(TRACE), "{heads}");
}
