//! Trusted documents: a list that is made when the clients are built, and nothing else runs.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::documents::{Document, Hash, hash};
use super::error::code;
use super::parameters::DocumentName;
use super::refusal::{Refusal, RefusalKind};

/// A file of documents, as tools write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    /// Apollo's: a list of operations.
    Apollo { operations: Vec<ApolloOperation> },
    /// Relay's and GraphQL Code Generator's: texts by their names.
    ByName(HashMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// Reads a file of trusted documents: names and texts.
///
/// # Errors
/// When it is no JSON of a known form.
pub fn read_manifest(text: &str) -> Result<Vec<(String, String)>, String> {
    let manifest = serde_json::from_str(text).map_err(|_| {
        "it must be JSON: an object of documents by their hashes, or Apollo's persisted query manifest"
    })?;
    Ok(match manifest {
        Manifest::ByName(documents) => documents.into_iter().collect(),
        Manifest::Apollo { operations } => {
            operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
        }
    })
}

/// The documents that may run.
pub(super) struct TrustedDocuments {
    by_name: HashMap<String, Arc<Document>>,
    by_text: HashMap<Hash, Arc<Document>>,
}

impl TrustedDocuments {
    /// Reads every document.
    ///
    /// # Errors
    /// The names of those that cannot be run, with reasons.
    pub(super) fn new(
        manifest: &[(String, String)],
        read: impl Fn(&str) -> Result<Arc<Document>, Refusal>,
    ) -> Result<Self, Vec<String>> {
        let mut trusted = Self { by_name: HashMap::new(), by_text: HashMap::new() };
        let mut problems = Vec::new();
        for (name, text) in manifest {
            match read(text) {
                Ok(document) => {
                    trusted.by_text.insert(hash(text), Arc::clone(&document));
                    trusted.by_name.insert(plain(name).to_owned(), document);
                }
                Err(refusal) => {
                    let reason = refusal.errors.first().map_or("", |error| error.message.as_str());
                    problems.push(format!("{name}: {reason}"));
                }
            }
        }
        problems.sort();
        if problems.is_empty() { Ok(trusted) } else { Err(problems) }
    }

    /// The document of a request, if it is one of them. A text that is one of them is as good as its
    /// name.
    pub(super) fn find(
        &self,
        text: Option<&str>,
        name: Option<&DocumentName>,
    ) -> Result<Arc<Document>, Refusal> {
        let found = match (text, name) {
            (Some(text), _) => self.by_text.get(&hash(text)),
            (None, Some(name)) => self.by_name.get(plain(&name.0)),
            (None, None) => None,
        };
        found.cloned().ok_or_else(|| {
            let message = "Only registered documents run here; send the `documentId` of one.";
            Refusal::new(RefusalKind::NotTrusted, code::FORBIDDEN, message)
        })
    }
}

/// A name without what says how it was made.
fn plain(name: &str) -> &str {
    name.strip_prefix("sha256:").unwrap_or(name)
}
