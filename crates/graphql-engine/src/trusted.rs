//! Trusted documents: a list that is generated when the clients are built. No other document is
//! executed.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::documents::{Document, Hash, hash};
use super::error::code;
use super::parameters::DocumentIdentifier;
use super::request_error::{RequestError, RequestErrorKind};

/// A manifest of trusted documents, in one of the formats that client tools write.
#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    /// The persisted query manifest of Apollo: a list of operations.
    Apollo { operations: Vec<ApolloOperation> },
    /// The format of Relay and GraphQL Code Generator: a map from document id to text.
    ById(HashMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

/// Why trusted documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedDocumentsError {
    /// The file has an unknown format.
    #[error(
        "it must be JSON: a map from document id to text, or an Apollo persisted query manifest"
    )]
    Manifest,
    /// Documents are invalid: their ids, each with the reason.
    #[error("these documents are not valid for this schema:\n{}", .0.join("\n"))]
    Documents(Vec<String>),
}

/// Parses a manifest of trusted documents. Returns the id and the text of each document.
///
/// # Errors
/// When the text is not JSON in a known format.
pub fn parse_manifest(text: &str) -> Result<Vec<(String, String)>, TrustedDocumentsError> {
    let manifest = serde_json::from_str(text).map_err(|_| TrustedDocumentsError::Manifest)?;
    Ok(match manifest {
        Manifest::ById(documents) => documents.into_iter().collect(),
        Manifest::Apollo { operations } => {
            operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
        }
    })
}

/// The documents that may be executed.
pub(crate) struct TrustedDocuments {
    by_identifier: HashMap<String, Arc<Document>>,
    by_text: HashMap<Hash, Arc<Document>>,
}

impl TrustedDocuments {
    /// Validates every document of a manifest.
    ///
    /// # Errors
    /// The ids of the invalid documents, each with the reason.
    pub(crate) fn new(
        manifest: &[(String, String)],
        validate: impl Fn(&str) -> Result<Arc<Document>, RequestError>,
    ) -> Result<Self, TrustedDocumentsError> {
        let mut trusted = Self { by_identifier: HashMap::new(), by_text: HashMap::new() };
        let mut problems = Vec::new();
        for (id, text) in manifest {
            match validate(text) {
                Ok(document) => {
                    trusted.by_text.insert(hash(text), Arc::clone(&document));
                    trusted.by_identifier.insert(without_hash_prefix(id).to_owned(), document);
                }
                Err(request_error) => {
                    let reason =
                        request_error.errors.first().map_or("", |error| error.message.as_str());
                    problems.push(format!("{id}: {reason}"));
                }
            }
        }
        problems.sort();
        if problems.is_empty() {
            Ok(trusted)
        } else {
            Err(TrustedDocumentsError::Documents(problems))
        }
    }

    /// The trusted document of a request. The text of a trusted document is accepted instead of
    /// its id.
    pub(crate) fn find(
        &self,
        text: Option<&str>,
        id: Option<&DocumentIdentifier>,
    ) -> Result<Arc<Document>, RequestError> {
        let found = match (text, id) {
            (Some(text), _) => self.by_text.get(&hash(text)),
            (None, Some(id)) => self.by_identifier.get(without_hash_prefix(&id.0)),
            (None, None) => None,
        };
        found.cloned().ok_or_else(|| {
            let message =
                "Only trusted documents are accepted. Send the `documentId` of a trusted document.";
            RequestError::new(RequestErrorKind::NotTrusted, code::FORBIDDEN, message)
        })
    }
}

/// The id without the prefix that names the hash function.
fn without_hash_prefix(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}
