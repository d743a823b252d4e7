//! Prepares and runs operations, for every edge alike.

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::{Node, introspection, request};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value, Variables};
use futures_util::{Stream, StreamExt};
use serde_json::json;
use tokio::time::timeout;

use super::bounds::{Bounds, within};
use super::completion::complete;
use super::documents::{Document, Documents};
use super::error::code;
use super::parameters::Parameters;
use super::refusal::{Refusal, RefusalKind};
use super::rewrite::operation_to_run;
use super::streams::through_last;
use super::{Api, GatewaySchema, cost, executable_schema, validating_schema};
use crate::auth::Viewer;

/// Lists of lists that a question about the schema may ask for.
const INTROSPECTION_DEPTH: usize = 3;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The bearer of the token, when there is one.
    pub viewer: Option<Viewer>,
    /// Finds the request in the log; named in every error.
    pub request_id: Arc<str>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads.
    Query,
    /// Changes.
    Mutation,
    /// Follows.
    Subscription,
}

/// An operation that may run.
pub struct Prepared {
    document: Arc<Document>,
    operation: Node<Operation>,
    request: Request,
}

impl Prepared {
    /// What the operation does.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self.operation.operation_type {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        }
    }
}

/// What an operation answered, perhaps in part.
#[derive(Debug)]
pub struct Answer(Response);

impl Answer {
    /// The GraphQL response.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialised as it is: fields stand in the order of the query.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Whether something in it failed.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.is_err()
    }
}

/// The schema, and the documents that fit it. Clones share everything.
#[derive(Clone)]
pub struct Operations {
    schema: GatewaySchema,
    documents: Arc<Documents>,
    patience: Duration,
}

impl Operations {
    /// The schema over these commands. A query or a mutation is stopped after `patience`. With
    /// trusted documents (names and texts), nothing else runs.
    ///
    /// # Errors
    /// The trusted documents that cannot be run, each with the reason.
    pub fn new(
        api: Api,
        bounds: Bounds,
        patience: Duration,
        trusted: Option<&[(String, String)]>,
    ) -> Result<Self, Vec<String>> {
        let mut documents = Documents::new(validating_schema()?, bounds);
        if let Some(trusted) = trusted {
            documents.trust_only(trusted)?;
        }
        Ok(Self { schema: executable_schema(api), documents: Arc::new(documents), patience })
    }

    /// Reads a request, and checks all that can be checked before anything runs.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub fn prepare(&self, parameters: Parameters) -> Result<Prepared, Refusal> {
        let parameters = parameters.tidy();
        let document = self.documents.find(&parameters)?;
        let sources = &document.typed.sources;
        let name = parameters.operation_name.as_deref();
        let operation = document
            .typed
            .operations
            .get(name)
            .cloned()
            .map_err(|error| Refusal::of_request(RefusalKind::Document, &error, sources))?;
        introspection::check_max_depth(&document.typed, &operation)
            .map_err(|_| Refusal::exceeded("introspectionDepth", INTROSPECTION_DEPTH))?;
        let given =
            JsonValue::from(serde_json::Value::from(parameters.variables.unwrap_or_default()));
        let given = given.as_object().cloned().unwrap_or_default();
        let variables = request::coerce_variable_values(&self.documents.schema, &operation, &given)
            .map_err(|error| Refusal::of_request(RefusalKind::Variables, &error, sources))?;
        let limit = self.documents.bounds.cost;
        within("cost", cost::cost(&document.typed, &operation, &variables), limit)?;
        let request = request_to_run(&document, name, &variables);
        Ok(Prepared { document, operation, request })
    }

    /// Runs a query or a mutation.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn execute(&self, prepared: Prepared, caller: &Caller) -> Result<Answer, Refusal> {
        let Prepared { document, operation, request } = prepared;
        let request = with_viewer(request, caller);
        let answer = timeout(self.patience, self.schema.execute(request)).await;
        let answer = answer.map_err(|_| Refusal::timed_out(self.patience.as_secs()))?;
        finish(answer, &document, &operation, caller)
    }

    /// Runs a subscription. An error is the last item: the subscription could not begin, or cannot go
    /// on.
    pub fn subscribe(
        &self,
        prepared: Prepared,
        caller: Caller,
    ) -> impl Stream<Item = Result<Answer, Refusal>> + Send + use<> {
        let Prepared { document, operation, request } = prepared;
        let answers = self.schema.execute_stream(with_viewer(request, &caller));
        let answers = answers.map(move |answer| {
            let ends = answer.is_err() && answer.errors.iter().all(|error| error.path.len() <= 1);
            let answer = finish(answer, &document, &operation, &caller)?;
            if !ends {
                return Ok(answer);
            }
            Err(Refusal::of_executor(RefusalKind::Stopped, answer.0.errors))
        });
        through_last(answers, Result::is_err)
    }
}

fn request_to_run(document: &Document, name: Option<&str>, variables: &JsonMap) -> Request {
    let variables = serde_json::to_value(variables).unwrap_or_default();
    let variables = Variables::from_json(variables);
    let mut request = Request::new(String::new());
    if let Some(operation) = operation_to_run(&document.executable, name, &variables) {
        request.set_parsed_query(operation);
    }
    request.variables(variables)
}

fn with_viewer(request: Request, caller: &Caller) -> Request {
    match &caller.viewer {
        Some(viewer) => request.data(viewer.clone()),
        None => request,
    }
}

fn finish(
    mut answer: Response,
    document: &Document,
    operation: &Operation,
    caller: &Caller,
) -> Result<Answer, Refusal> {
    for error in &mut answer.errors {
        name_error(error, &caller.request_id);
    }
    // Errors without a path come from before the execution.
    if answer.data == Value::Null && answer.errors.iter().all(|error| error.path.is_empty()) {
        return Err(Refusal::of_executor(RefusalKind::Document, answer.errors));
    }
    complete(&mut answer, &document.typed, operation);
    Ok(Answer(answer))
}

/// Resolvers name their code; what has none is input that a scalar did not take.
fn name_error(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code::BAD_USER_INPUT);
    }
    extensions.set("requestId", request_id);
}

impl Refusal {
    /// The errors of the GraphQL response.
    #[must_use]
    pub fn errors(mut self, request_id: &str) -> serde_json::Value {
        for error in &mut self.errors {
            name_error(error, request_id);
        }
        json!(self.errors)
    }
}
