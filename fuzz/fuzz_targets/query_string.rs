#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| graphql_engine::fuzzing::query_string(bytes));
