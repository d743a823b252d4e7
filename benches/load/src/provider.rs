//! A provider of images that costs almost nothing: it accepts every job, finishes it at once, posts its
//! callback and answers status queries. Its paths and bodies are those of the NanoBanana API.

#![expect(clippy::disallowed_methods, reason = "it ends with the benchmark")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long a job takes, so that its acceptance is usually recorded before its callback arrives.
const DURATION: Duration = Duration::from_millis(50);

/// The running provider.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

struct Inner {
    /// Its port.
    port: u16,
    /// Every result.
    image: Vec<u8>,
    jobs: AtomicU64,
    client: reqwest::Client,
    /// The port of the gateway, which gets the callbacks whatever its public URL is.
    gateway_port: Mutex<u16>,
    /// How long the gateway took to acknowledge each callback.
    acknowledgments: Mutex<Vec<Duration>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    call_back_url: reqwest::Url,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusQuery {
    task_id: String,
}

impl Provider {
    /// Starts it; each result is `image`.
    pub async fn start(image: Vec<u8>) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let inner = Inner {
            port: listener.local_addr()?.port(),
            image,
            jobs: AtomicU64::new(0),
            client: reqwest::Client::new(),
            gateway_port: Mutex::new(0),
            acknowledgments: Mutex::new(Vec::new()),
        };
        let provider = Self { inner: Arc::new(inner) };
        let router = Router::new()
            .route("/api/v1/nanobanana/generate", post(generate))
            .route("/api/v1/nanobanana/record-info", get(record_info))
            .route("/api/v1/common/credit", get(credit))
            .route("/image.png", get(image_file))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(provider)
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.inner.port)
    }

    /// Sends callbacks to this gateway.
    pub fn send_callbacks_to(&self, port: u16) {
        *self.inner.gateway_port.lock().unwrap_or_else(PoisonError::into_inner) = port;
    }

    /// The times that the gateway took to acknowledge callbacks, since the last call.
    pub fn take_acknowledgments(&self) -> Vec<Duration> {
        let mut times = self.inner.acknowledgments.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut times)
    }

    fn image_url(&self) -> String {
        format!("{}/image.png", self.url())
    }

    async fn call_back(self, mut url: reqwest::Url, id: String) {
        tokio::time::sleep(DURATION).await;
        let port = *self.inner.gateway_port.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = url.set_scheme("http");
        let _ = url.set_host(Some("127.0.0.1"));
        let _ = url.set_port(Some(port));
        let info = json!({ "resultImageUrl": self.image_url() });
        let body = json!({ "code": 200, "msg": "", "data": { "taskId": id, "info": info } });
        let start = Instant::now();
        if self.inner.client.post(url).json(&body).send().await.is_ok() {
            let mut times =
                self.inner.acknowledgments.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(start.elapsed());
        }
    }
}

async fn generate(
    State(provider): State<Provider>,
    Json(submission): Json<Submission>,
) -> Json<Value> {
    let id = format!("job-{}", provider.inner.jobs.fetch_add(1, Ordering::Relaxed));
    tokio::spawn(provider.call_back(submission.call_back_url, id.clone()));
    Json(json!({ "code": 200, "msg": "success", "data": { "taskId": id } }))
}

async fn record_info(
    State(provider): State<Provider>,
    Query(query): Query<StatusQuery>,
) -> Json<Value> {
    let response = json!({ "resultImageUrl": provider.image_url() });
    let data = json!({ "taskId": query.task_id, "successFlag": 1, "response": response });
    Json(json!({ "code": 200, "msg": "success", "data": data }))
}

async fn credit() -> Json<Value> {
    Json(json!({ "code": 200, "msg": "success", "data": 1_000_000 }))
}

async fn image_file(State(provider): State<Provider>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/png")], provider.inner.image.clone())
}
