//! What a request says, whichever way it came.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::documents::Hash;
use super::refusal::Refusal;

/// The parameters of a GraphQL request, as GraphQL over HTTP, `graphql-transport-ws` and GraphQL over
/// SSE all name them. An explicit null is as good as nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    /// The document's text.
    pub query: Option<String>,
    /// Which of the document's operations is meant.
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    pub variables: Option<Map<String, Value>>,
    /// What extends the protocol: `persistedQuery` is understood.
    pub extensions: Option<Map<String, Value>>,
    /// A name that stands for the text: of a trusted document, or `sha256:` and the text's hash.
    pub document_id: Option<String>,
}

/// A name that stands for a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocumentName(pub(super) String);

impl DocumentName {
    /// The SHA-256 that the name is made of, when it is.
    pub(super) fn hash(&self) -> Option<Hash> {
        let digits = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        let mut hash = Hash::default();
        let pairs = digits.as_bytes().chunks_exact(2);
        if digits.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(hash)
    }
}

#[derive(Deserialize)]
struct PersistedQuery {
    version: u32,
    #[serde(rename = "sha256Hash")]
    hash: String,
}

impl Parameters {
    /// Nothing in it.
    pub(super) fn tidy(mut self) -> Self {
        self.query = self.query.filter(|query| !query.trim().is_empty());
        self.operation_name = self.operation_name.filter(|name| !name.is_empty());
        self
    }

    /// The name that is given instead of the text, or beside it.
    pub(super) fn document_name(&self) -> Result<Option<DocumentName>, Refusal> {
        if let Some(id) = &self.document_id {
            return Ok(Some(DocumentName(id.clone())));
        }
        let extensions = self.extensions.as_ref();
        let Some(value) = extensions.and_then(|extensions| extensions.get("persistedQuery")) else {
            return Ok(None);
        };
        let query = PersistedQuery::deserialize(value).map_err(|_| {
            Refusal::malformed("`extensions.persistedQuery` needs `version` and `sha256Hash`.")
        })?;
        if query.version != 1 {
            return Err(Refusal::malformed("`extensions.persistedQuery.version` must be 1."));
        }
        Ok(Some(DocumentName(query.hash)))
    }
}
