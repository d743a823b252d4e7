//! A client that submits tasks: it repeats a request with its idempotency key until it has an answer.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::world::World;

/// Fates of tasks at the providers, as markers of the simulator.
const FATES: [&str; 20] = [
    "[sim:slow=2]",
    "[sim:policy]",
    "[sim:fail=501]",
    "[sim:create-failed]",
    "[sim:callback=lost]",
    "[sim:callback=duplicate]",
    "[sim:callback=forged]",
    "[sim:callback=malformed]",
    "[sim:callback=early]",
    "[sim:response-lost]",
    "[sim:response-lost][sim:callback=lost]",
    "[sim:request-lost]",
    "[sim:truncated-json]",
    "[sim:bad-gateway]",
    "[sim:submit=429][sim:retry-after=1]",
    "[sim:submit=500]",
    "[sim:poll=500*2][sim:callback=lost]",
    "[sim:not-found=2][sim:callback=lost]",
    "[sim:result=late]",
    "[sim:result=truncated]",
];
const MODELS: [&str; 3] = ["nano-banana", "flux-kontext-pro", "ace/nano-banana"];
/// How long a request is repeated: longer than any fault lasts.
const GIVE_UP: Duration = Duration::from_mins(3);

const SUBMIT: &str = "mutation($input: GenerateImagesInput!) { generateImages(input: $input) {
    __typename ... on TaskAccepted { task { id } } ... on UserError { message } } }";
const CANCEL: &str = "mutation($id: ID!) { cancelTask(id: $id) { __typename } }";

/// An accepted task.
pub(crate) struct Submitted {
    pub(crate) id: String,
    pub(crate) prompt: String,
}

pub(crate) struct Client {
    world: Arc<World>,
    name: String,
    token: String,
    http: reqwest::Client,
    rng: Rng,
}

pub(crate) fn name(user: usize) -> String {
    format!("user-{user}")
}

impl Client {
    pub(crate) fn new(world: &Arc<World>, user: usize) -> Self {
        let name = name(user);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let rng = Rng::with_seed(world.seed * 1_000 + user as u64);
        Self { world: Arc::clone(world), token: world.token(&name), name, http, rng }
    }

    pub(crate) async fn submit_all(mut self, count: usize) -> Vec<Submitted> {
        let mut submitted = Vec::new();
        for number in 0..count {
            // Half of them succeed at once: with more failures, a provider would be paused most of the time.
            let fate = if self.rng.bool() { "" } else { self.rng.choice(FATES).unwrap() };
            let prompt = format!("number {number} of {} {fate}", self.name);
            let model = self.rng.choice(MODELS).unwrap();
            let key = format!("{}-{number}", self.name);
            let input = json!({ "prompt": prompt, "model": model, "idempotencyKey": key });
            let result = self.repeat(SUBMIT, json!({ "input": input })).await;
            let result = &result["generateImages"];
            assert_eq!(result["__typename"], "TaskAccepted", "{result}");
            let id = result["task"]["id"].as_str().unwrap().to_owned();
            if self.rng.u32(0..12) == 0 {
                self.repeat(CANCEL, json!({ "id": id })).await;
            }
            self.world.accepted.lock().unwrap().push(id.clone());
            submitted.push(Submitted { id, prompt });
            sleep(Duration::from_millis(self.rng.u64(0..2_000))).await;
        }
        submitted
    }

    /// Sends a request until a gateway answers it.
    async fn repeat(&self, query: &str, variables: Value) -> Value {
        let deadline = Instant::now() + GIVE_UP;
        loop {
            let error = match self.send(query, &variables).await {
                Ok(data) => return data,
                Err(error) => error,
            };
            assert!(Instant::now() < deadline, "no answer: {error}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn send(&self, query: &str, variables: &Value) -> Result<Value, String> {
        let url = format!("{}/graphql", self.world.any_url());
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(url).bearer_auth(&self.token).json(&body);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let mut answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        match answer.get("errors") {
            None => Ok(answer["data"].take()),
            Some(errors) => Err(errors.to_string()),
        }
    }
}
