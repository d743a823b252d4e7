//! The GraphQL schema and its execution: translates operations to commands and queries.
//!
//! This module does not use providers, workers or database rows. A mutation returns an error that
//! the client can act on as a result type; the list `errors` is for unexpected failures and invalid
//! requests.

mod context;
mod cursor;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod loaders;
mod mutation;
mod observer;
mod operator_query;
mod query;
mod spelling;
mod subscription;
mod types;
mod user_rate;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Schema, SchemaBuilder};
use graphql_engine::write::SharedData;
use graphql_engine::{
    Engine, EngineSettings, OperationLimits, SchemaRules, SetupError, SubscriptionField, configure,
};

pub use context::Api;
pub use user_rate::UserRate;

use loaders::{
    BoardLoader, BoardPageLoader, CallbacksLoader, DeliveryPageLoader, EndpointsLoader,
    ImageTaskLoader, JobsLoader, LastPositionLoader, MedianSecondsLoader, ProviderAccountLoader,
    QueuePositionLoader, QuotaLoader, TaskLoader, TimelineLoader,
};
use mutation::Mutation;
use observer::CountOperations;
use query::Query;
use subscription::Subscription;

/// Cost of a field that can hold a text of tens of kilobytes.
const LONG_TEXT_COST: usize = 50;
/// Cost of a list that runs a statement of its own, because its filter differs. All other fields share
/// the statements of their loaders.
const LIST_COST: usize = 2_500;
/// Cost of a page of another object. The pages of all objects share a statement, in which each is looked up.
const NESTED_PAGE_COST: usize = 50;
/// Cost of a quote, which runs up to three statements.
const QUOTE_COST: usize = 5_000;

/// Cost of the numbers for operators, which runs up to six statements.
const OPERATIONS_COST: usize = 9_000;

const RULES: SchemaRules = SchemaRules {
    check_scalar: types::check_scalar,
    field_cost: |parent, field| match (parent, field) {
        ("Query", "tasks" | "boards" | "allTasks" | "auditLog" | "userAccount") => LIST_COST,
        // Lists without a page size count ten times.
        ("Query", "unbalancedAccounts" | "failingWebhookEndpoints") => LIST_COST / 10,
        ("Query", "quote") => QUOTE_COST,
        ("Query", "operations") => OPERATIONS_COST,
        ("Board", "images") | ("WebhookEndpoint", "deliveries") => NESTED_PAGE_COST,
        ("Task", "callbacks") => LONG_TEXT_COST / 10,
        ("AuditEntry", "before" | "after") | (_, "prompt" | "metadata") => LONG_TEXT_COST,
        _ => 1,
    },
    written_fields: types::written_fields,
    is_written_type: types::is_written_type,
};

/// Maximum number of operations without a token that run at the same time. Few, because they can only read the schema.
const MAX_ANONYMOUS_OPERATIONS: usize = 1;

/// The engine that executes operations. A query or mutation times out after `operation_timeout`. With
/// `trusted` (ids and texts of documents), no other document is executed.
///
/// # Errors
/// The ids of the invalid trusted documents, each with the reason.
pub fn engine(
    api: Api,
    limits: OperationLimits,
    operation_timeout: Duration,
    trusted: Option<&[(String, String)]>,
) -> Result<Engine, SetupError> {
    let settings = EngineSettings {
        limits,
        operation_timeout,
        trusted,
        max_anonymous: MAX_ANONYMOUS_OPERATIONS,
        rules: RULES,
    };
    let (shared, metrics) = (SharedData::new(api.clone()), api.metrics.clone());
    let engine = Engine::new(schema(api.clone(), shared.clone()), &sdl(), settings)?;
    let start = move |field: &SubscriptionField<'_>| subscription::start_written(&api, field);
    let observer = Arc::new(CountOperations(metrics));
    Ok(engine.with_written_subscriptions(shared, Arc::new(start)).with_observer(observer))
}

fn schema(api: Api, shared: SharedData) -> Schema<Query, Mutation, Subscription> {
    // Each request awaits its loaders, so no batch is lost when the runtime shuts down.
    #[expect(clippy::disallowed_methods, reason = "a batch belongs to the request that awaits it")]
    let spawn = tokio::spawn;
    configure(builder())
        .data(DataLoader::new(TimelineLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(JobsLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(CallbacksLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(QueuePositionLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(MedianSecondsLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(ProviderAccountLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(BoardLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(BoardPageLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(TaskLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(ImageTaskLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(DeliveryPageLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(EndpointsLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(QuotaLoader(api.reads.clone()), spawn))
        .data(DataLoader::new(LastPositionLoader(api.reads.clone()), spawn))
        .data(shared)
        .data(api)
        .finish()
}

/// The schema in SDL, as stored in `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_enum_items()
        .include_specified_by();
    let sdl = builder().finish().sdl_with_options(options);
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .register_output_type::<types::UserError>()
        .register_output_type::<types::Node>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_field_is_a_field_of_the_schema() {
        let schema = apollo_compiler::Schema::parse_and_validate(sdl(), "schema.graphql").unwrap();
        let mut written_types = 0;
        for (name, ty) in &schema.types {
            let written = types::written_fields(name);
            let object = ty.as_object();
            for field in written {
                let is_known = object.is_some_and(|object| object.fields.contains_key(*field));
                assert!(is_known, "{name}.{field}");
            }
            assert!(!types::is_written_type(name) || !written.is_empty(), "{name} writes no field");
            written_types += usize::from(!written.is_empty());
        }
        let subscriptions = schema.get_object("Subscription").unwrap();
        for name in [subscription::TASK_EVENTS, subscription::TASK_UPDATED] {
            assert!(subscriptions.fields.contains_key(name), "{name} is no subscription");
        }
        assert_eq!(written_types, 11, "a type of `written_fields` is not in the schema");
    }
}
