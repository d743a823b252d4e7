//! A client of the gateway.

use serde_json::{Value, json};

use super::{Socket, TestApp, eventually};

/// Everything that tests compare of a task.
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
    /// For requests of a special kind.
    pub(crate) http: reqwest::Client,
}

impl User {
    pub(crate) fn new(app: &TestApp, name: &str, role: Option<&str>) -> Self {
        let token = app.token(name, role, 100 * 24 * 3600);
        Self { token, url: app.url.clone(), http: reqwest::Client::new() }
    }

    /// The same user at another gateway.
    pub(crate) fn at(&self, app: &TestApp) -> Self {
        Self { url: app.url.clone(), ..self.clone() }
    }

    /// The whole answer.
    pub(crate) async fn execute(&self, query: &str, variables: Value) -> Value {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let body = json!({ "query": query, "variables": variables });
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }

    /// The `data` of an answer without errors.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Value {
        let answer = self.execute(query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// The result of `generateImages` with this input.
    pub(crate) async fn generate(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: GenerateImagesInput!) {{ generateImages(input: $input) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "input": input })).await["generateImages"].clone()
    }

    /// The result of `editImages` with this input.
    pub(crate) async fn edit(&self, input: Value) -> Value {
        let query = format!(
            "mutation($input: EditImagesInput!) {{ editImages(input: $input) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "input": input })).await["editImages"].clone()
    }

    /// The result of `retryTask`.
    pub(crate) async fn retry(&self, id: &str, key: Option<&str>) -> Value {
        let query = format!(
            "mutation($id: ID!, $key: String) {{ retryTask(id: $id, idempotencyKey: $key) {{ {SUBMIT} }} }}"
        );
        self.graphql(&query, json!({ "id": id, "key": key })).await["retryTask"].clone()
    }

    /// The result of `resolveUnconfirmedTask`.
    pub(crate) async fn resolve(&self, id: &str, action: &str) -> Value {
        let query = format!(
            "mutation($id: ID!, $action: UnconfirmedAction!) {{ resolveUnconfirmedTask(id: $id, action: $action) {{ {SUBMIT} }} }}"
        );
        let variables = json!({ "id": id, "action": action });
        self.graphql(&query, variables).await["resolveUnconfirmedTask"].clone()
    }

    /// The result of `cancelTask`.
    pub(crate) async fn cancel(&self, id: &str) -> Value {
        let query = "mutation($id: ID!) { cancelTask(id: $id) {
            __typename ... on TaskCanceled { task { status cost { settled } } }
            ... on TaskNotCancelable { task { status } message } ... on NotFound { message } } }";
        self.graphql(query, json!({ "id": id })).await["cancelTask"].clone()
    }

    /// Once the gateway has asked for it: then it will not ask again for a while.
    pub(crate) async fn sees_the_balance_of_nano_banana(&self) {
        eventually("the balance to be read", || async {
            let credits = self.graphql("{ credits { providers { remaining } } }", json!({})).await;
            (credits["credits"]["providers"][0]["remaining"] == 10_000.0).then_some(())
        })
        .await;
    }

    /// The id of an accepted task with this prompt.
    pub(crate) async fn submit(&self, prompt: &str) -> String {
        let result = self.generate(json!({ "prompt": prompt })).await;
        assert_eq!(result["__typename"], "TaskAccepted", "{result}");
        result["task"]["id"].as_str().unwrap().to_owned()
    }

    /// A task as it is now; null when this user has none with this id.
    pub(crate) async fn task(&self, id: &str) -> Value {
        let query = format!("query($id: ID!) {{ task(id: $id) {{ {TASK} }} }}");
        self.graphql(&query, json!({ "id": id })).await["task"].clone()
    }

    /// The task once it has this status.
    pub(crate) async fn reaches(&self, id: &str, status: &str) -> Value {
        eventually(&format!("the task to be {status}"), || async {
            let task = self.task(id).await;
            (task["status"] == status).then_some(task)
        })
        .await
    }

    /// The task once it is over.
    pub(crate) async fn finishes(&self, id: &str) -> Value {
        eventually("the task to be over", || async {
            let task = self.task(id).await;
            let over =
                ["SUCCEEDED", "FAILED", "CANCELED"].iter().any(|each| task["status"] == **each);
            over.then_some(task)
        })
        .await
    }

    /// A socket whose connection is acknowledged.
    pub(crate) async fn socket(&self) -> Socket {
        Socket::connect(&self.url, &self.token).await
    }

    /// The answer to a plain GET.
    pub(crate) async fn get(&self, url: &str) -> reqwest::Response {
        self.http.get(url).send().await.unwrap()
    }
}
