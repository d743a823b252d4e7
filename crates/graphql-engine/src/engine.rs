//! Prepares and executes operations, the same way for every transport.

mod observed;
mod responses;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::response::JsonValue;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, introspection, request};
use async_graphql::{
    Error, ErrorExtensionValues, Executor, ObjectType, Request, Response, SchemaBuilder,
    ServerError, SubscriptionType, ValidationMode, Value, Variables, parser,
};
use futures_util::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::completion::complete;
use super::documents::{Document, Documents};
use super::error;
use super::executor::DynExecutor;
use super::inputs::{Inputs, InvalidScalar, check_variables, convert_integers};
use super::limits::{OperationLimits, enforce};
use super::observer::{Client, ObservedOperation, Observer};
use super::parameters::Parameters;
use super::plan::{CompiledPlan, Plan, Planner, Progress};
use super::request_error::{RequestError, RequestErrorKind};
use super::response::OperationResponse;
use super::trusted::TrustedDocumentsError;
use super::validation::validating_schema;
use super::write::SharedData;
use super::written_subscription::{StartSubscription, WrittenSubscriptions};
use super::{cost, executable};

/// Maximum number of errors in the response to one operation.
const MAX_ERRORS: usize = 100;
/// How long an operation without a viewer waits for its turn.
const MAX_ANONYMOUS_WAIT: Duration = Duration::from_secs(5);
/// Maximum number of nested lists that an introspection query may select.
const MAX_INTROSPECTION_DEPTH: usize = 2;

/// The client that sent a request. `V` is what the server knows about a user; resolvers find it in
/// their context.
#[derive(Debug, Clone)]
pub struct Caller<V> {
    /// The authenticated user; `None` without a token.
    pub viewer: Option<V>,
    /// Identifies the request in the log. Every error includes it.
    pub request_id: Arc<str>,
    /// The program that sent the request, if it names itself.
    pub client: Option<Arc<Client>>,
}

impl<V> Caller<V> {
    /// The program; `None` without a viewer, because names that anyone can send could displace all others in a metric.
    fn observed_client(&self) -> Option<&Arc<Client>> {
        self.viewer.as_ref().and(self.client.as_ref())
    }
}

/// What a server knows about an authenticated user: any type that resolvers can find by its type.
pub trait Viewer: Clone + Send + Sync + 'static {}

impl<V: Clone + Send + Sync + 'static> Viewer for V {}

/// Prepares the builder of a schema that an [`Engine`] will execute: the engine has already validated the
/// document and limited its depth.
#[must_use]
pub fn configure<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    builder.validation_mode(ValidationMode::Fast).limit_recursive_depth(usize::MAX)
}

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads data.
    Query,
    /// Changes data.
    Mutation,
    /// Streams changes.
    Subscription,
}

/// A validated operation that is ready to execute.
pub struct PreparedOperation<V> {
    document: Arc<Document>,
    kind: OperationKind,
    name: Option<Name>,
    plan: Arc<Plan>,
    caller: Caller<V>,
}

impl<V: Viewer> PreparedOperation<V> {
    /// The kind of the operation.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        self.kind
    }

    /// The client that sent the request.
    #[must_use]
    pub const fn caller(&self) -> &Caller<V> {
        &self.caller
    }

    /// The request for async-graphql.
    fn request(&self) -> Request {
        let ty = match self.kind {
            OperationKind::Query => parser::types::OperationType::Query,
            OperationKind::Mutation => parser::types::OperationType::Mutation,
            OperationKind::Subscription => parser::types::OperationType::Subscription,
        };
        let mut request = Request::new(String::new());
        request.set_parsed_query(executable::document(ty, &self.plan));
        let request = request.data(Arc::clone(&self.plan));
        match &self.caller.viewer {
            Some(viewer) => request.data(viewer.clone()),
            None => request,
        }
    }
}

/// What the engine cannot read from the schema.
#[derive(Debug, Clone, Copy)]
pub struct SchemaRules {
    /// Checks that a value is valid for a scalar that the GraphQL specification does not define.
    pub check_scalar: fn(&str, &Value) -> Result<(), InvalidScalar>,
    /// The cost of a field of a type, without its selections, at least 1: more for fields that can hold long texts, or that
    /// need more than their share of a statement.
    pub field_cost: fn(&str, &str) -> usize,
    /// The fields of an object type that it can write ([`crate::write`]).
    pub written_fields: fn(&str) -> &'static [&'static str],
    /// Whether an object type is a [`crate::write::Written`].
    pub is_written_type: fn(&str) -> bool,
}

/// The settings of an [`Engine`].
#[derive(Debug, Clone, Copy)]
pub struct EngineSettings<'a> {
    /// The limits of one operation.
    pub limits: OperationLimits,
    /// When a query or a mutation times out.
    pub operation_timeout: Duration,
    /// Trusted documents: with them (ids and texts), no other document is executed.
    pub trusted: Option<&'a [(String, String)]>,
    /// Maximum number of operations without a viewer that are executed at the same time. Others wait for up to 5 s. Few, if
    /// they can only read the schema: introspection needs a processor, and must not take all of them.
    pub max_anonymous: usize,
    /// What the engine cannot read from the schema.
    pub rules: SchemaRules,
}

/// Why an engine cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// apollo-compiler does not accept the schema of async-graphql.
    #[error("the schema is not valid: {0}")]
    Schema(String),
    /// Trusted documents cannot be used.
    #[error(transparent)]
    TrustedDocuments(#[from] TrustedDocumentsError),
}

/// Executes operations. Clones share the schema and the cache of validated documents.
#[derive(Clone)]
pub struct Engine {
    executor: Arc<dyn DynExecutor>,
    documents: Arc<Documents>,
    written_subscriptions: Option<WrittenSubscriptions>,
    observer: Option<Arc<dyn Observer>>,
    operation_timeout: Duration,
    /// The turns of operations without a viewer.
    anonymous: Arc<Semaphore>,
}

impl Engine {
    /// An engine for this schema, which `sdl` describes. [`configure`] must have prepared its builder.
    ///
    /// # Errors
    /// The ids of the invalid trusted documents, each with the reason; or the reason why the schema is not
    /// valid.
    pub fn new(
        schema: impl Executor,
        sdl: &str,
        settings: EngineSettings<'_>,
    ) -> Result<Self, SetupError> {
        let schema_for_validation = validating_schema(sdl)?;
        let mut documents = Documents::new(schema_for_validation, settings.limits, settings.rules);
        if let Some(trusted) = settings.trusted {
            documents.trust_only(trusted)?;
        }
        Ok(Self {
            executor: Arc::new(schema),
            documents: Arc::new(documents),
            written_subscriptions: None,
            observer: None,
            operation_timeout: settings.operation_timeout,
            anonymous: Arc::new(Semaphore::new(settings.max_anonymous)),
        })
    }

    /// Uses `start` for subscriptions whose items write themselves. `shared` is what the written fields
    /// read, as in the data of the schema.
    #[must_use]
    pub fn with_written_subscriptions(
        self,
        shared: SharedData,
        start: Arc<StartSubscription>,
    ) -> Self {
        Self { written_subscriptions: Some(WrittenSubscriptions { shared, start }), ..self }
    }

    /// Maximum bytes of a response.
    pub(crate) fn max_response_bytes(&self) -> usize {
        self.documents.limits.response_bytes
    }

    /// Validates the document, the operation, the variables and the limits before execution.
    ///
    /// # Errors
    /// Why the request is rejected.
    pub fn prepare<V: Viewer>(
        &self,
        parameters: Parameters,
        caller: Caller<V>,
    ) -> Result<PreparedOperation<V>, RequestError> {
        let client = caller.observed_client().cloned();
        self.prepare_unobserved(parameters, caller).inspect_err(|error| {
            self.observe(ObservedOperation {
                kind: None,
                name: None,
                client: client.as_deref(),
                error_code: error.code(),
                duration: Duration::ZERO,
            });
        })
    }

    fn prepare_unobserved<V: Viewer>(
        &self,
        parameters: Parameters,
        caller: Caller<V>,
    ) -> Result<PreparedOperation<V>, RequestError> {
        let parameters = parameters.normalize();
        let document = self.documents.find(&parameters, caller.viewer.is_none())?;
        let name = parameters.operation_name.as_deref();
        let operation = document.validated.operations.get(name).map_err(|error| {
            RequestError::from_apollo_error(
                RequestErrorKind::Document,
                &error,
                &document.validated.sources,
            )
        })?;
        let plan = self.plan(&document, operation, parameters.variables.unwrap_or_default())?;
        let kind = match operation.operation_type {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        };
        let name = operation.name.clone();
        Ok(PreparedOperation { document, kind, name, plan: Arc::new(plan), caller })
    }

    fn plan(
        &self,
        document: &Document,
        operation: &Operation,
        mut variables: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Plan, RequestError> {
        let executable = &document.validated;
        check_variables(&variables)?;
        for declared in &operation.variables {
            if let Some(value) = variables.get_mut(declared.name.as_str()) {
                convert_integers(&self.documents.schema, &declared.ty, value);
            }
        }
        let json = JsonValue::from(serde_json::Value::from(variables));
        let json = json.as_object().cloned().unwrap_or_default();
        let coerced = request::coerce_variable_values(&self.documents.schema, operation, &json)
            .map_err(|error| {
                RequestError::from_apollo_error(
                    RequestErrorKind::Variables,
                    &error,
                    &executable.sources,
                )
            })?;
        let cost = cost::cost(executable, operation, &coerced, self.documents.rules.field_cost);
        enforce("cost", cost, self.documents.limits.cost)?;
        let variables = serde_json::to_value(&*coerced).unwrap_or_default();
        let variables = Variables::from_json(variables);
        let inputs = || {
            Inputs::new(
                &self.documents.schema,
                self.documents.rules.check_scalar,
                operation,
                &variables,
            )
        };
        let compiled =
            document.plan(operation, || self.compile(executable, operation, inputs()))?;
        compiled.bind(&inputs())
    }

    fn compile(
        &self,
        document: &Valid<ExecutableDocument>,
        operation: &Operation,
        inputs: Inputs<'_>,
    ) -> Result<CompiledPlan, RequestError> {
        introspection::check_max_depth(document, operation)
            .map_err(|_| RequestError::exceeded("introspectionDepth", MAX_INTROSPECTION_DEPTH))?;
        let planner = Planner {
            schema: &self.documents.schema,
            possible_types: &self.documents.possible_types,
            document,
            inputs,
            rules: self.documents.rules,
            progress: Progress::default(),
        };
        planner.plan(operation)
    }

    /// Executes a query or a mutation. After a panic, after a timeout, or when the response is too
    /// large, the response has `data: null`: the operation may have taken effect.
    pub async fn execute<V: Viewer>(&self, prepared: PreparedOperation<V>) -> OperationResponse {
        let started = Instant::now();
        let response = self.execute_unobserved(&prepared).await;
        self.observe(prepared.observed(response.error_code(), started.elapsed()));
        response
    }

    async fn execute_unobserved<V: Viewer>(
        &self,
        prepared: &PreparedOperation<V>,
    ) -> OperationResponse {
        let request = prepared.request();
        let Ok(_turn) = self.turn(prepared.caller.viewer.is_some()).await else {
            return error_response(error::no_turn(), prepared);
        };
        let response = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        match timeout(self.operation_timeout, response).await {
            Ok(Ok(response)) => self.finish(response, prepared),
            // The panic hook has logged the panic.
            Ok(Err(_)) => error_response(error::internal_error(), prepared),
            Err(_) => error_response(error::timed_out(self.operation_timeout.as_secs()), prepared),
        }
    }

    /// Waits for the turn of an operation without a viewer.
    async fn turn(&self, has_viewer: bool) -> Result<Option<SemaphorePermit<'_>>, Elapsed> {
        if has_viewer {
            return Ok(None);
        }
        Ok(timeout(MAX_ANONYMOUS_WAIT, self.anonymous.acquire()).await?.ok())
    }

    fn finish<V>(
        &self,
        mut response: Response,
        prepared: &PreparedOperation<V>,
    ) -> OperationResponse {
        complete(&mut response, prepared.plan.root(), &prepared.document.validated.sources);
        annotate_errors(&mut response.errors, &prepared.caller.request_id);
        // A field below a list can fail for each item: more errors say nothing new.
        response.errors.truncate(MAX_ERRORS);
        let limit = self.documents.limits.response_bytes;
        OperationResponse::serialize(&response, limit)
            .unwrap_or_else(|| error_response(error::exceeded("answerBytes", limit), prepared))
    }
}

/// A response with `data: null`, for an operation whose execution has started.
fn error_response<V>(error: Error, prepared: &PreparedOperation<V>) -> OperationResponse {
    let mut errors = [error::without_location(error)];
    annotate_errors(&mut errors, &prepared.caller.request_id);
    OperationResponse::without_data(&errors)
}

/// Adds the request id to each error, and logs the internal ones.
pub(crate) fn annotate_errors(errors: &mut [ServerError], request_id: &str) {
    error::log_internal_errors(errors, request_id);
    for error in errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("requestId", request_id);
    }
}
