//! What a request costs inside the engine: a new document, a known one, and the execution.
//!
//! `cargo bench -p graphql-engine`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

#[path = "../examples/library/schema.rs"]
mod schema;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use graphql_engine::{Caller, Engine, Parameters, PreparedOperation};
use schema::User;
use serde_json::{Value, json};

/// Twenty books that write themselves.
const WRITTEN: &str = "query($n: Int!) { books(first: $n) { id chapters { pages } } }";
/// The same, with a field that is resolved for each book.
const RESOLVED: &str = "query($n: Int!) { books(first: $n) { id reader chapters { pages } } }";

fn parameters(query: &str) -> Parameters {
    let Value::Object(object) = json!({ "query": query, "variables": { "n": 20 } }) else {
        return Parameters::default();
    };
    Parameters::parse(object).unwrap()
}

fn prepare(engine: &Engine, query: &str) -> PreparedOperation<User> {
    let caller = Caller {
        viewer: Some(User("ana".to_owned())),
        request_id: "a request".into(),
        client: None,
    };
    engine.prepare(parameters(query), caller).unwrap()
}

fn documents(criterion: &mut Criterion) {
    let engine = schema::engine().unwrap();
    let mut number = 0;
    criterion.bench_function("compile: a new document", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                format!("{WRITTEN} # {number}")
            },
            |query| prepare(&engine, black_box(&query)),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("bind: a known document", |bencher| {
        bencher.iter(|| prepare(&engine, black_box(WRITTEN)));
    });
}

fn execution(criterion: &mut Criterion) {
    let engine = schema::engine().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for (name, query) in [("run: written objects", WRITTEN), ("run: resolved objects", RESOLVED)] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || prepare(&engine, query),
                |prepared| runtime.block_on(engine.execute(prepared)).into_json(),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, documents, execution);
criterion_main!(benches);
