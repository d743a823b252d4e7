//! Documents: read and compared with the schema once, then known by their hash.

use std::sync::Arc;

use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument as Executable;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::bounds::{self, Bounds};
use super::error::code;
use super::parameters::{DocumentName, Parameters};
use super::refusal::{Refusal, RefusalKind};
use super::rewrite::inline_root_fragments;
use super::trusted::TrustedDocuments;

/// Selection sets, lists and types within each other.
const MAX_RECURSION: usize = 120;
/// Text of documents that are kept. What is read from a text takes some thirty times its space.
const KEPT_BYTES: u64 = 1024 * 1024;
/// What a document costs beside its text, in text.
const OVERHEAD_BYTES: u64 = 200;
const USUAL_BYTES: u64 = 1_000;

/// A document that fits the schema and the bounds.
pub(super) struct Document {
    /// With its types.
    pub(super) typed: Valid<ExecutableDocument>,
    /// As the executor takes it.
    pub(super) executable: Executable,
    bytes: u64,
}

/// The SHA-256 of a document's text.
pub(super) type Hash = [u8; 32];

#[derive(Clone)]
struct ByText;

impl Weighter<Hash, Arc<Document>> for ByText {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        document.bytes + OVERHEAD_BYTES
    }
}

/// Finds the document that a request means.
pub(super) struct Documents {
    pub(super) schema: Valid<Schema>,
    pub(super) bounds: Bounds,
    known: Cache<Hash, Arc<Document>, ByText>,
    trusted: Option<TrustedDocuments>,
}

impl Documents {
    /// Documents of this schema.
    pub(super) fn new(schema: Valid<Schema>, bounds: Bounds) -> Self {
        let items = usize::try_from(KEPT_BYTES / USUAL_BYTES).unwrap_or_default();
        let known = Cache::with_weighter(items, KEPT_BYTES, ByText);
        Self { schema, bounds, known, trusted: None }
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

    /// The document of a request, by its text or by a name that stands for it.
    pub(super) fn find(&self, parameters: &Parameters) -> Result<Arc<Document>, Refusal> {
        let name = parameters.document_name()?;
        if let Some(trusted) = &self.trusted {
            return trusted.find(parameters.query.as_deref(), name.as_ref());
        }
        match (&parameters.query, name) {
            (Some(text), name) => self.by_text(text, name.as_ref()),
            (None, Some(name)) => self.by_name(&name),
            (None, None) => Err(Refusal::malformed("The field `query` is missing or empty.")),
        }
    }

    fn by_text(&self, text: &str, name: Option<&DocumentName>) -> Result<Arc<Document>, Refusal> {
        let hash = hash(text);
        if name.and_then(DocumentName::hash).is_some_and(|named| named != hash) {
            let message = "The hash is not the SHA-256 of `query`.";
            return Err(Refusal::new(RefusalKind::Document, code::BAD_USER_INPUT, message));
        }
        if let Some(document) = self.known.get(&hash) {
            return Ok(document);
        }
        let document = Arc::new(self.read(text)?);
        self.known.insert(hash, Arc::clone(&document));
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
        let mut parser =
            Parser::new().token_limit(self.bounds.tokens).recursion_limit(MAX_RECURSION);
        let parsed = parser.parse_ast(text, "document");
        bounds::within("tokens", parser.tokens_reached(), self.bounds.tokens)?;
        bounds::within("depth", parser.recursion_reached(), MAX_RECURSION)?;
        let parsed =
            parsed.map_err(|found| Refusal::of_document(RefusalKind::Syntax, &found.errors))?;
        bounds::check(&parsed, &self.bounds)?;
        let typed = parsed
            .to_executable_validate(&self.schema)
            .map_err(|found| Refusal::of_document(RefusalKind::Document, &found.errors))?;
        let mut executable = parse_query(text).map_err(|_| {
            let message = "This document cannot be run; simplify it.";
            Refusal::new(RefusalKind::Syntax, code::BAD_USER_INPUT, message)
        })?;
        inline_root_fragments(&mut executable);
        Ok(Document { typed, executable, bytes: text.len() as u64 })
    }
}

/// The hash that names a text.
pub(super) fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}
