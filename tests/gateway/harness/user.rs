//! A client of the gateway.

use serde_json::{Value, json};

use super::{Socket, TestApp, eventually, log};

/// The task fields that tests compare.
pub(crate) const TASK: &str = "
    id status version prompt requestedImages
    images { id url width height contentType byteSize sha256 thumbhash }
    failure { code message retryable advice }
    cost { reserved settled }
    timeline { kind status detail }
    createdAt submittedAt completedAt
";

const SUBMIT: &str = "
    __typename
    ... on TaskAccepted { task { id status } replayed creditsLow }
    ... on InvalidInput { fields { path message } }
    ... on PromptRejected { advice }
    ... on InsufficientCredits { required available }
    ... on RateLimited { retryAfterSeconds }
    ... on IdempotencyConflict { task { id } }
    ... on UserError { message }
";

/// A user with a token and an HTTP client.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) token: String,
    pub(crate) url: String,
    /// For requests that the methods below do not cover.
    pub(crate) http: reqwest::Client,
}

impl User {
    pub(crate) fn new(app: &TestApp, name: &str, role: Option<&str>) -> Self {
        let token = app.token(name, role, 100 * 24 * 3600);
        Self { token, url: app.url.clone(), http: reqwest::Client::new() }
    }

    /// Returns the same user, with requests going to another gateway.
    pub(crate) fn at(&self, app: &TestApp) -> Self {
        Self { url: app.url.clone(), ..self.clone() }
    }

    /// Returns the whole response body.
    pub(crate) async fn execute(&self, query: &str, variables: Value) -> Value {
        if let Some(prompt) = variables["input"]["prompt"].as_str() {
            log::add_prompt(prompt);
        }
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let body = json!({ "query": query, "variables": variables });
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// Returns the `data` of the response. Fails if there are errors.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Value {
        let answer = self.execute(query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// Returns the result of `generateImages` with this input.
    pub(crate) async fn generate(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: GenerateImagesInput!) {{ generateImages(input: $input) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "input": input })).await["generateImages"].clone()
    }

    /// Returns the result of `editImages` with this input.
    pub(crate) async fn edit(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: EditImagesInput!) {{ editImages(input: $input) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "input": input })).await["editImages"].clone()
    }

    /// Returns the result of `retryTask`.
    pub(crate) async fn retry(&self, id: &str, key: Option<&str>) -> Value {
        let query = format!(
            "mutation($id: ID!, $key: String) {{ retryTask(id: $id, idempotencyKey: $key) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "id": id, "key": key })).await["retryTask"].clone()
    }

    /// Returns the result of `resolveUnconfirmedTask`.
    pub(crate) async fn resolve(&self, id: &str, action: &str) -> Value {
        let query = format!(
            "mutation($id: ID!, $action: UnconfirmedAction!) {{ resolveUnconfirmedTask(id: $id, action: $action) {{ {SUBMIT} }} }}"
        );
        let variables = json!({ "id": id, "action": action });
        self.graphql(&query, variables).await["resolveUnconfirmedTask"].clone()
    }

    /// Returns the result of `cancelTask`.
    pub(crate) async fn cancel(&self, id: &str) -> Value {
        let query = "mutation($id: ID!) { cancelTask(id: $id) {
            __typename ... on TaskCanceled { task { status cost { settled } } }
            ... on TaskNotCancelable { task { status } message } ... on NotFound { message } } }";
        self.graphql(query, json!({ "id": id })).await["cancelTask"].clone()
    }

    /// Waits until the gateway has read the balance. It does not read the balance again until an interval has passed.
    pub(crate) async fn wait_for_nano_banana_balance(&self) {
        eventually("the balance to be read", || async {
            let credits = self.graphql("{ credits { providers { remaining } } }", json!({})).await;
            (credits["credits"]["providers"][0]["remaining"] == 10_000.0).then_some(())
        })
        .await;
    }

    /// Submits a task with this prompt and returns its id.
    pub(crate) async fn submit(&self, prompt: &str) -> String {
        let result = self.generate(json!({ "prompt": prompt })).await;
        assert_eq!(result["__typename"], "TaskAccepted", "{result}");
        result["task"]["id"].as_str().unwrap().to_owned()
    }

    /// Returns the current task, or null when this user has no task with this id.
    pub(crate) async fn task(&self, id: &str) -> Value {
        let query = format!("query($id: ID!) {{ task(id: $id) {{ {TASK} }} }}");
        self.graphql(&query, json!({ "id": id })).await["task"].clone()
    }

    /// Waits until the task has this status and returns the task.
    pub(crate) async fn wait_for_status(&self, id: &str, status: &str) -> Value {
        eventually(&format!("the task to be {status}"), || async {
            let task = self.task(id).await;
            (task["status"] == status).then_some(task)
        })
        .await
    }

    /// Waits until the task is finished and returns the task.
    pub(crate) async fn wait_until_finished(&self, id: &str) -> Value {
        eventually("the task to be finished", || async {
            let task = self.task(id).await;
            let is_finished =
                ["SUCCEEDED", "FAILED", "CANCELED"].iter().any(|each| task["status"] == **each);
            is_finished.then_some(task)
        })
        .await
    }

    /// Opens a socket and waits for `connection_ack`.
    pub(crate) async fn socket(&self) -> Socket {
        Socket::connect(&self.url, &self.token).await
    }

    /// Sends a GET request without a token.
    pub(crate) async fn get(&self, url: &str) -> reqwest::Response {
        self.http.get(url).send().await.unwrap()
    }
}
