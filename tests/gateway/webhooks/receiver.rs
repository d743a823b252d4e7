//! A server that webhooks are posted to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::harness::eventually;

/// How a message is answered.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Status(u16),
    /// 429 with this `Retry-After`.
    Busy(&'static str),
    Redirect,
    /// Never.
    Hang,
}

/// A message as it came.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: Value,
    text: String,
    headers: HeaderMap,
    taken: bool,
}

impl Message {
    /// Fails unless this secret has signed it; the crate's own check would compare with real time.
    pub(super) fn verify(&self, secret: &str) {
        let sent_at = self.header("webhook-timestamp").parse().unwrap();
        let signer = Webhook::new(secret).unwrap();
        let signature = signer.sign(&self.id, sent_at, self.text.as_bytes()).unwrap();
        let found = self.header("webhook-signature").split(' ').any(|each| each == signature);
        assert!(found, "this secret has not signed it");
        assert_eq!(self.header("content-type"), "application/json");
    }

    pub(super) fn signatures(&self) -> usize {
        self.header("webhook-signature").split(' ').count()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Default)]
struct Shared {
    messages: Vec<Message>,
    read: usize,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
}

/// Takes everything, unless it is told otherwise.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, shared: Arc::default() };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        receiver
    }

    /// The next messages are answered so.
    pub(super) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().unwrap().answers.extend(answers);
    }

    /// All messages from now on are answered so.
    pub(super) fn always(&self, answer: Answer) {
        self.shared.lock().unwrap().always = Some(answer);
    }

    /// The next message that nobody has looked at.
    pub(super) async fn next(&self) -> Message {
        eventually("a message", || async {
            let mut shared = self.shared.lock().unwrap();
            let message = shared.messages.get(shared.read).cloned()?;
            shared.read += 1;
            Some(message)
        })
        .await
    }

    /// Every message.
    pub(super) fn all(&self) -> Vec<Message> {
        self.shared.lock().unwrap().messages.clone()
    }

    /// Every message that was answered with 200.
    pub(super) fn taken(&self) -> Vec<Message> {
        self.all().into_iter().filter(|message| message.taken).collect()
    }

    pub(super) fn seen(&self) -> usize {
        self.all().len()
    }

    fn keep(&self, headers: HeaderMap, text: String) -> Answer {
        let mut shared = self.shared.lock().unwrap();
        let next = shared.answers.pop_front().or(shared.always);
        let answer = next.unwrap_or(Answer::Status(200));
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let body = serde_json::from_str(&text).unwrap();
        let taken = matches!(answer, Answer::Status(200));
        shared.messages.push(Message { id, body, text, headers, taken });
        answer
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, text: String) -> Response {
    let status = |status: u16| axum::http::StatusCode::from_u16(status).unwrap();
    match receiver.keep(headers, text) {
        Answer::Status(code) => status(code).into_response(),
        Answer::Busy(wait) => (status(429), [("retry-after", wait)]).into_response(),
        Answer::Redirect => (status(302), [("location", receiver.url.as_str())]).into_response(),
        Answer::Hang => std::future::pending().await,
    }
}
