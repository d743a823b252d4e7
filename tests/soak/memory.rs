//! The memory that the gateway needs, whatever clients send: `docs/limits.md` states it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// The address space of the process, in KiB: its code, its stacks and its memory.
const ADDRESS_SPACE_KIB: u32 = 1_200 * 1024;
const READY_TIME: Duration = Duration::from_mins(2);
const CREATE_UPLOAD: &str = "mutation($input: CreateUploadInput!) { createUpload(input: $input) {
    ... on UploadCreated { putUrl } ... on InvalidInput { message } } }";

struct Gateway {
    url: String,
    token: String,
    http: reqwest::Client,
    process: Child,
}

impl Gateway {
    /// Starts `plantain dev`, which gets no more memory than this.
    async fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (bind, binary) = (format!("127.0.0.1:{port}"), env!("CARGO_BIN_EXE_plantain"));
        let script = format!("ulimit -v {ADDRESS_SPACE_KIB} && exec {binary} dev");
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let process = Command::new("bash")
            .args(["-c", &script])
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| name == "PATH"))
            .env("PLANTAIN_DATA_DIR", &folder)
            .env("PLANTAIN_BIND", &bind)
            .env("PLANTAIN_SIMULATOR_BIND", "127.0.0.1:0")
            // Each arena of glibc takes 64 MiB of addresses, used or not. A release build has jemalloc.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://{bind}");
        let mut gateway = Self { url, token: String::new(), http: reqwest::Client::new(), process };
        gateway.wait_until_ready().await;
        let token = std::process::Command::new(binary)
            .args(["token", "--sub", "ana"])
            .env_clear()
            .env("PLANTAIN_DATA_DIR", &folder)
            .output();
        let token = String::from_utf8(token.unwrap().stdout).unwrap();
        token.trim().clone_into(&mut gateway.token);
        gateway
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_TIME;
        let ready = format!("{}/readyz", self.url);
        while !reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 200) {
            let exited = self.process.try_wait().unwrap();
            assert!(exited.is_none(), "the gateway ended: {exited:?}");
            assert!(Instant::now() < deadline, "the gateway is not ready");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The answer; nothing when the gateway refused the request before it was sent completely, and closed the connection.
    async fn graphql(&self, query: &str, variables: Value) -> Option<Value> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        request.json(&body).send().await.ok()?.json().await.ok()
    }

    /// Uploads a file, and returns the status of the answer.
    async fn upload(&self, file: &[u8]) -> u16 {
        let input = json!({ "contentType": "image/png", "byteSize": file.len() });
        // Among the long documents, this small one may be refused as well.
        let mut created = Value::Null;
        while !created["data"]["createUpload"]["putUrl"].is_string() {
            created =
                self.graphql(CREATE_UPLOAD, json!({ "input": input })).await.unwrap_or_default();
        }
        let link = created["data"]["createUpload"]["putUrl"].as_str().unwrap();
        let request = self.http.put(link).header("content-type", "image/png").body(file.to_vec());
        request.send().await.unwrap().status().as_u16()
    }

    /// A request of a stranger whose body does not arrive.
    async fn half_sent(&self) -> TcpStream {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It may have been refused by now.
        let _ = stream.write_all(&vec![b' '; 900_000]).await;
        stream
    }
}

/// A small file that is as large as is allowed when it is decoded: 49 million pixels.
fn large_picture() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    RgbImage::new(7_000, 7_000).write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_inputs_at_once_fit_in_1200_mebibytes() {
    let file = tokio::task::spawn_blocking(large_picture).await.unwrap();
    let mut gateway = Gateway::start().await;
    let half_sent = join_all((0..300).map(|_| gateway.half_sent())).await;
    let uploads = join_all((0..12).map(|_| gateway.upload(&file)));
    let long = format!("{{ __typename }} # {}", "x".repeat(900_000));
    let documents = join_all((0..100).map(|_| gateway.graphql(&long, json!({}))));
    let (statuses, answers) = tokio::join!(uploads, documents);
    println!("uploads {statuses:?}");
    assert!(statuses.contains(&204), "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 429, 503].contains(status)), "{statuses:?}");
    for answer in answers.into_iter().flatten() {
        let code = &answer["errors"][0]["extensions"]["code"];
        assert!(answer["data"]["__typename"] == "Query" || code == "RATE_LIMITED", "{answer}");
    }
    drop(half_sent);
    gateway.wait_until_ready().await;
}
