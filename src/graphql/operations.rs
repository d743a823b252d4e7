//! Prepares and runs operations, for every edge alike.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::response::JsonValue;
use apollo_compiler::{introspection, request};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Variables, parser};
use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::timeout;

use super::answer::Answer;
use super::bounds::{Bounds, within};
use super::completion::{complete, locate};
use super::documents::{Document, Documents};
use super::error::{self, code};
use super::inputs::{Inputs, check_size};
use super::parameters::Parameters;
use super::plan::{Planner, Shape};
use super::refusal::{Refusal, RefusalKind};
use super::streams::{in_background, through_last};
use super::{Api, GatewaySchema, cost, executable, executable_schema, validating_schema};
use crate::auth::Viewer;

/// Lists of lists that a question about the schema may ask for.
const INTROSPECTION_DEPTH: usize = 2;

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
    kind: OperationKind,
    plan: Shape,
    caller: Caller,
}

impl Prepared {
    /// What the operation does.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        self.kind
    }

    /// Who asks.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Once: it takes the arguments along.
    fn request(&mut self) -> Request {
        let ty = match self.kind {
            OperationKind::Query => parser::types::OperationType::Query,
            OperationKind::Mutation => parser::types::OperationType::Mutation,
            OperationKind::Subscription => parser::types::OperationType::Subscription,
        };
        let mut request = Request::new(String::new());
        request.set_parsed_query(executable::document(ty, &mut self.plan));
        match &self.caller.viewer {
            Some(viewer) => request.data(viewer.clone()),
            None => request,
        }
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
    pub fn prepare(&self, parameters: Parameters, caller: Caller) -> Result<Prepared, Refusal> {
        let parameters = parameters.tidy();
        let document = self.documents.find(&parameters, caller.viewer.is_none())?;
        let name = parameters.operation_name.as_deref();
        let operation = document.typed.operations.get(name).map_err(|error| {
            Refusal::of_request(RefusalKind::Document, &error, &document.typed.sources)
        })?;
        let plan = self.plan(&document, operation, parameters.variables.unwrap_or_default())?;
        let kind = match operation.operation_type {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        };
        Ok(Prepared { document, kind, plan, caller })
    }

    fn plan(
        &self,
        document: &Document,
        operation: &Operation,
        variables: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Shape, Refusal> {
        let typed = &document.typed;
        introspection::check_max_depth(typed, operation)
            .map_err(|_| Refusal::exceeded("introspectionDepth", INTROSPECTION_DEPTH))?;
        check_size(&variables)?;
        let given = JsonValue::from(serde_json::Value::from(variables));
        let given = given.as_object().cloned().unwrap_or_default();
        let coerced = request::coerce_variable_values(&self.documents.schema, operation, &given)
            .map_err(|error| Refusal::of_request(RefusalKind::Variables, &error, &typed.sources))?;
        let cost = cost::cost(typed, operation, &coerced);
        within("cost", cost, self.documents.bounds.cost)?;
        let variables = serde_json::to_value(&*coerced).unwrap_or_default();
        let variables = Variables::from_json(variables);
        let planner = Planner {
            schema: &self.documents.schema,
            possible_types: &self.documents.possible_types,
            document: typed,
            inputs: Inputs::new(&self.documents.schema, operation, &variables),
        };
        planner.plan(operation)
    }

    /// Runs a query or a mutation. What has begun is answered, also when it breaks, takes too long or
    /// answers too much: it may have had effects.
    pub async fn execute(&self, mut prepared: Prepared) -> Answer {
        let request = prepared.request();
        let answer = AssertUnwindSafe(self.schema.execute(request)).catch_unwind();
        match timeout(self.patience, answer).await {
            Ok(Ok(answer)) => self.finish(answer, &prepared),
            // The panic hook has logged it.
            Ok(Err(_)) => failed(error::broken(), &prepared),
            Err(_) => failed(error::timed_out(self.patience.as_secs()), &prepared),
        }
    }

    /// Runs an operation of any kind, in the background, as far as the answers are taken: a client
    /// that reads slowly does not keep what an operation holds. A refusal is the last item: the
    /// subscription could not begin, or cannot go on.
    pub fn run(
        &self,
        prepared: Prepared,
    ) -> impl Stream<Item = Result<Answer, Refusal>> + Send + use<> {
        let operations = self.clone();
        let answers = match prepared.kind {
            OperationKind::Subscription => operations.subscribe(prepared).boxed(),
            OperationKind::Query | OperationKind::Mutation => {
                stream::once(async move { Ok(operations.execute(prepared).await) }).boxed()
            }
        };
        in_background(answers, || Err(Refusal::broken()))
    }

    fn subscribe(
        self,
        mut prepared: Prepared,
    ) -> impl Stream<Item = Result<Answer, Refusal>> + Send {
        let answers = self.schema.execute_stream(prepared.request());
        let answers = answers.map(move |mut answer| {
            let ends = answer.is_err() && answer.errors.iter().all(|error| error.path.len() <= 1);
            if !ends {
                return Ok(self.finish(answer, &prepared));
            }
            locate(&mut answer.errors, &prepared.plan, &prepared.document.typed.sources);
            Err(Refusal::of_executor(answer.errors))
        });
        through_last(answers, Result::is_err)
    }

    fn finish(&self, mut answer: Response, prepared: &Prepared) -> Answer {
        complete(&mut answer, &prepared.plan, &prepared.document.typed.sources);
        name_errors(&mut answer.errors, &prepared.caller.request_id);
        let limit = self.documents.bounds.answer_bytes;
        Answer::write(&answer, limit)
            .unwrap_or_else(|| failed(error::exceeded("answerBytes", limit), prepared))
    }
}

/// An answer without data, to an operation that has begun.
fn failed(error: error::Error, prepared: &Prepared) -> Answer {
    let mut errors = [error::without_place(error)];
    name_errors(&mut errors, &prepared.caller.request_id);
    Answer::without_data(&errors)
}

/// Resolvers name their code; what has none is input that a scalar did not take.
pub(super) fn name_errors(errors: &mut [ServerError], request_id: &str) {
    for error in errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", code::BAD_USER_INPUT);
        }
        extensions.set("requestId", request_id);
    }
}
