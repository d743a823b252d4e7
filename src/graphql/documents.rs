//! Documents: read and compared with the schema once, then known by their hash.

use std::sync::Arc;

use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::bounds::{self, Bounds, MAX_NESTING};
use super::error::code;
use super::parameters::{DocumentName, Parameters};
use super::plan::{PossibleTypes, possible_types};
use super::refusal::{Refusal, RefusalKind};
use super::trusted::TrustedDocuments;

/// What the documents that are kept may take.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;
/// What a document takes for each of its tokens: 127 were measured.
const BYTES_PER_TOKEN: u64 = 130;
const USUAL_BYTES: u64 = 16 * 1024;

/// A document that fits the schema and the bounds, with its types.
pub(super) struct Document {
    pub(super) typed: Valid<ExecutableDocument>,
    bytes: u64,
}

/// The SHA-256 of a document's text.
pub(super) type Hash = [u8; 32];

#[derive(Clone)]
struct ByText;

impl Weighter<Hash, Arc<Document>> for ByText {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        document.bytes
    }
}

/// Finds the document that a request means.
pub(super) struct Documents {
    pub(super) schema: Valid<Schema>,
    pub(super) possible_types: PossibleTypes,
    pub(super) bounds: Bounds,
    known: Cache<Hash, Arc<Document>, ByText>,
    trusted: Option<TrustedDocuments>,
}

impl Documents {
    /// Documents of this schema.
    pub(super) fn new(schema: Valid<Schema>, bounds: Bounds) -> Self {
        let items = usize::try_from(KEPT_BYTES / USUAL_BYTES).unwrap_or_default();
        let known = Cache::with_weighter(items, KEPT_BYTES, ByText);
        let possible_types = possible_types(&schema);
        Self { schema, possible_types, bounds, known, trusted: None }
    }

    /// From now on, nothing else runs.
    ///
    /// # Errors
    /// The names of documents that do not fit the schema or the bounds, each with a reason.
    pub(super) fn trust_only(&mut self, manifest: &[(String, String)]) -> Result<(), Vec<String>> {
        let read = |text: &str| self.read(text).map(Arc::new);
        self.trusted = Some(TrustedDocuments::new(manifest, read)?);
        Ok(())
    }

    /// The document of a request, by its text or by a name that stands for it. A stranger's is not
    /// kept: it would push out those of users.
    pub(super) fn find(
        &self,
        parameters: &Parameters,
        is_strange: bool,
    ) -> Result<Arc<Document>, Refusal> {
        let name = parameters.document_name()?;
        if let Some(trusted) = &self.trusted {
            return trusted.find(parameters.query.as_deref(), name.as_ref());
        }
        match (&parameters.query, name) {
            (Some(text), name) => self.by_text(text, name.as_ref(), is_strange),
            (None, Some(name)) => self.by_name(&name),
            (None, None) => Err(Refusal::malformed("The field `query` is missing or empty.")),
        }
    }

    fn by_text(
        &self,
        text: &str,
        name: Option<&DocumentName>,
        is_strange: bool,
    ) -> Result<Arc<Document>, Refusal> {
        let hash = hash(text);
        if name.is_some_and(|name| name.hash() != Some(hash)) {
            let message = "The hash is not the SHA-256 of `query`.";
            return Err(Refusal::new(RefusalKind::Document, code::BAD_USER_INPUT, message));
        }
        if let Some(document) = self.known.get(&hash) {
            return Ok(document);
        }
        let document = Arc::new(self.read(text)?);
        if !is_strange {
            self.known.insert(hash, Arc::clone(&document));
        }
        Ok(document)
    }

    /// Automatic persisted queries: a client that is refused sends the text once.
    fn by_name(&self, name: &DocumentName) -> Result<Arc<Document>, Refusal> {
        name.hash().and_then(|hash| self.known.get(&hash)).ok_or_else(|| {
            // The text that clients of the protocol look for.
            Refusal::new(
                RefusalKind::UnknownDocument,
                code::PERSISTED_QUERY_NOT_FOUND,
                "PersistedQueryNotFound",
            )
        })
    }

    fn read(&self, text: &str) -> Result<Document, Refusal> {
        let limit = self.bounds.tokens;
        let mut parser = Parser::new().token_limit(limit).recursion_limit(MAX_NESTING);
        let parsed = parser.parse_ast(text, "document");
        bounds::within("tokens", parser.tokens_reached(), limit)?;
        bounds::within("nesting", parser.recursion_reached(), MAX_NESTING)?;
        let parsed =
            parsed.map_err(|found| Refusal::of_document(RefusalKind::Syntax, &found.errors))?;
        bounds::check(&parsed, &self.bounds)?;
        let typed = parsed
            .to_executable_validate(&self.schema)
            .map_err(|found| Refusal::of_document(RefusalKind::Document, &found.errors))?;
        let bytes = text.len() as u64 + BYTES_PER_TOKEN * parser.tokens_reached() as u64;
        Ok(Document { typed, bytes })
    }
}

/// The hash that names a text.
pub(super) fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}
