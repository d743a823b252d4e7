//! A server that receives webhooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::harness::eventually;

/// How the receiver responds to a message.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    Status(u16),
    /// 429 with this `Retry-After`.
    RetryAfter(&'static str),
    Redirect,
    /// No response.
    Hang,
}

/// A received message.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: Value,
    text: String,
    headers: HeaderMap,
    accepted: bool,
}

impl Message {
    /// Fails unless this secret signed the message. The check of the crate cannot be used: it compares
    /// the timestamp with real time.
    pub(super) fn verify(&self, secret: &str) {
        let sent_at = self.header("webhook-timestamp").parse().unwrap();
        let signer = Webhook::new(secret).unwrap();
        let signature = signer.sign(&self.id, sent_at, self.text.as_bytes()).unwrap();
        let found = self.header("webhook-signature").split(' ').any(|each| each == signature);
        assert!(found, "the message has no signature of this secret");
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
    answers: VecDeque<Reply>,
    always: Option<Reply>,
}

/// Responds with 200 unless a test configures something else.
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

    /// Sets the responses to the next messages.
    pub(super) fn respond_with(&self, answers: impl IntoIterator<Item = Reply>) {
        self.shared.lock().unwrap().answers.extend(answers);
    }

    /// Sets the response to all further messages.
    pub(super) fn always_respond_with(&self, answer: Reply) {
        self.shared.lock().unwrap().always = Some(answer);
    }

    /// Waits for the next message that the test has not read.
    pub(super) async fn next(&self) -> Message {
        eventually("a message", || async {
            let mut shared = self.shared.lock().unwrap();
            let message = shared.messages.get(shared.read).cloned()?;
            shared.read += 1;
            Some(message)
        })
        .await
    }

    /// Returns all messages.
    pub(super) fn all(&self) -> Vec<Message> {
        self.shared.lock().unwrap().messages.clone()
    }

    /// Returns the messages that were answered with 200.
    pub(super) fn accepted(&self) -> Vec<Message> {
        self.all().into_iter().filter(|message| message.accepted).collect()
    }

    pub(super) fn received_count(&self) -> usize {
        self.all().len()
    }

    fn record(&self, headers: HeaderMap, text: String) -> Reply {
        let mut shared = self.shared.lock().unwrap();
        let next = shared.answers.pop_front().or(shared.always);
        let answer = next.unwrap_or(Reply::Status(200));
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let body = serde_json::from_str(&text).unwrap();
        let accepted = matches!(answer, Reply::Status(200));
        shared.messages.push(Message { id, body, text, headers, accepted });
        answer
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, text: String) -> Response {
    let status = |status: u16| axum::http::StatusCode::from_u16(status).unwrap();
    match receiver.record(headers, text) {
        Reply::Status(code) => status(code).into_response(),
        Reply::RetryAfter(wait) => (status(429), [("retry-after", wait)]).into_response(),
        Reply::Redirect => (status(302), [("location", receiver.url.as_str())]).into_response(),
        Reply::Hang => std::future::pending().await,
    }
}
