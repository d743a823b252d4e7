//! The parameters of a request, the same for every transport.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::documents::Hash;
use super::request_error::RequestError;

/// The parameters of a GraphQL request, as GraphQL over HTTP, `graphql-transport-ws` and GraphQL
/// over SSE name them. An explicit null counts as absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    /// The document's text.
    pub query: Option<String>,
    /// The name of the operation to execute.
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    pub variables: Option<Map<String, Value>>,
    /// Protocol extensions. `persistedQuery` is supported.
    pub extensions: Option<Map<String, Value>>,
    /// Identifies the document instead of its text: the id of a trusted document, or `sha256:` and
    /// the hash of the text.
    pub document_id: Option<String>,
}

/// Identifies a document instead of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentIdentifier(pub(crate) String);

impl DocumentIdentifier {
    /// The SHA-256 in the identifier; `None` when the identifier is not a hash.
    pub(crate) fn hash(&self) -> Option<Hash> {
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
    /// Parses a JSON object; `None` when a parameter has the wrong type.
    #[must_use]
    pub fn parse(object: Map<String, Value>) -> Option<Self> {
        Self::deserialize(Value::Object(object)).ok()
    }

    /// Whether the request contains a document or an identifier of one, valid or not.
    #[must_use]
    pub fn has_document(&self) -> bool {
        self.query.is_some() || !matches!(self.document_identifier(), Ok(None))
    }

    /// Removes an empty query and an empty operation name, which some clients send instead of
    /// null.
    pub(crate) fn normalize(mut self) -> Self {
        self.query = self.query.filter(|query| !query.trim().is_empty());
        self.operation_name = self.operation_name.filter(|name| !name.is_empty());
        self
    }

    /// The identifier that the request contains instead of the text, or together with it.
    pub(crate) fn document_identifier(&self) -> Result<Option<DocumentIdentifier>, RequestError> {
        if let Some(id) = &self.document_id {
            return Ok(Some(DocumentIdentifier(id.clone())));
        }
        let extensions = self.extensions.as_ref();
        let value = extensions.and_then(|extensions| extensions.get("persistedQuery"));
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        let query = value.as_object().and_then(|_| PersistedQuery::deserialize(value).ok());
        let query = query.ok_or_else(|| {
            RequestError::malformed(
                "`extensions.persistedQuery` requires `version` and `sha256Hash`.",
            )
        })?;
        if query.version != 1 {
            return Err(RequestError::malformed("`extensions.persistedQuery.version` must be 1."));
        }
        Ok(Some(DocumentIdentifier(query.hash)))
    }
}
