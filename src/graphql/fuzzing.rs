//! Documents, variables and cursors of clients, read from any bytes.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a rule does not hold")]

use std::sync::LazyLock;
use std::time::Duration;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use graphql_engine::{Caller, Engine, EngineSettings, OperationLimits, Parameters};
use http_parts::json::parse_object;

use super::types::fuzzing::connection_cursor;
use super::{RULES, cursor as event_cursor, sdl};
use crate::fuzzing::text;

const DOCUMENT: &str = "query($id: ID!, $ids: [ID!]!, $first: Int, $after: String, $filter: TaskFilter, $input: QuoteInput!) {
    task(id: $id) { id images { url(variant: THUMBNAIL) } timeline { kind detail } }
    nodes(ids: $ids) { ... on Board { images(first: $first, after: $after) { nodes { id } } } }
    tasks(first: $first, after: $after, filter: $filter) { nodes { prompt metadata } }
    quote(input: $input) { credits }
}";

/// Nothing is executed.
struct Unused;

#[Object]
impl Unused {
    async fn nothing(&self) -> bool {
        true
    }
}

/// Plans operations of the schema within limits that are lower than the usual ones, so that a run is short.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let limits = OperationLimits {
        tokens: 2_000,
        depth: 10,
        fields: 500,
        aliases: 50,
        root_fields: 20,
        directives: 20,
        cost: 50_000,
        response_bytes: 1_000_000,
    };
    let operation_timeout = Duration::from_secs(1);
    let settings =
        EngineSettings { limits, operation_timeout, trusted: None, max_anonymous: 1, rules: RULES };
    let executor = Schema::new(Unused, EmptyMutation, EmptySubscription);
    #[expect(clippy::panic, reason = "the schema is valid, as tests show")]
    Engine::new(executor, &sdl(), settings).unwrap_or_else(|error| panic!("{error}"))
});

fn prepare(parameters: Parameters) {
    let caller = Caller { viewer: Some(()), request_id: "a-request".into(), client: None };
    if let Err(error) = ENGINE.prepare(parameters, caller) {
        let errors = error.errors("a-request");
        assert!(errors[0]["extensions"]["code"].is_string(), "an error without a code: {errors}");
    }
}

/// Documents: each is planned, or refused with a code.
pub fn document(bytes: &[u8]) {
    let Some(query) = text(bytes) else { return };
    prepare(Parameters { query: Some(query.to_owned()), ..Parameters::default() });
}

/// Variables of an operation: they are accepted, or refused with a code.
pub fn variables(bytes: &[u8]) {
    let Some(Ok(variables)) = text(bytes).map(parse_object) else { return };
    let query = Some(DOCUMENT.to_owned());
    prepare(Parameters { query, variables: Some(variables), ..Parameters::default() });
}

/// Cursors: what is accepted and written again has the same meaning.
pub fn cursor(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(position) = event_cursor::decode(text) {
        assert_eq!(event_cursor::decode(&event_cursor::encode(position)), Some(position));
    }
    connection_cursor(text);
}
