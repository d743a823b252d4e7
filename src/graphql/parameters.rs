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
        hex::decode_to_slice(digits, &mut hash).ok()?;
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
    /// Reads them from a JSON object; `None` when one has the wrong type.
    #[must_use]
    pub fn read(object: Map<String, Value>) -> Option<Self> {
        Self::deserialize(Value::Object(object)).ok()
    }

    /// Whether a document is there, or something that stands for one.
    #[must_use]
    pub fn name_a_document(&self) -> bool {
        self.query.is_some() || !matches!(self.document_name(), Ok(None))
    }

    /// Without what is empty, which clients send for nothing.
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
        let value = extensions.and_then(|extensions| extensions.get("persistedQuery"));
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        let query = value.as_object().and_then(|_| PersistedQuery::deserialize(value).ok());
        let query = query.ok_or_else(|| {
            Refusal::malformed("`extensions.persistedQuery` needs `version` and `sha256Hash`.")
        })?;
        if query.version != 1 {
            return Err(Refusal::malformed("`extensions.persistedQuery.version` must be 1."));
        }
        Ok(Some(DocumentName(query.hash)))
    }
}
