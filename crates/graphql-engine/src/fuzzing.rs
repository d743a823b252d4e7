//! What the fuzz targets run, and a test with the committed inputs.

pub use crate::protocols::http::fuzzing::query_string;
pub use crate::protocols::sockets::fuzzing::socket_message;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_committed_input_keeps_the_rules() {
        let targets =
            [("socket_message", socket_message as fn(&[u8])), ("query_string", query_string)];
        for (name, run) in targets {
            let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let inputs: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
            assert!(inputs.len() >= 3, "{folder} has {} inputs", inputs.len());
            for input in inputs {
                run(&std::fs::read(input.unwrap().path()).unwrap());
            }
        }
    }
}
