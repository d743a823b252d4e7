//! Documents: parsed and validated once, then cached by their hash.

use std::sync::{Arc, OnceLock};

use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::engine::SchemaRules;
use super::error::code;
use super::limits::{self, MAX_NESTING, OperationLimits};
use super::parameters::{DocumentIdentifier, Parameters};
use super::plan::{CompiledPlan, MAX_CACHED_PLAN_SIZE, PossibleTypes, possible_types};
use super::request_error::{RequestError, RequestErrorKind};
use super::trusted::{TrustedDocuments, TrustedDocumentsError};

/// Memory of all cached documents, in bytes.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Memory of a document for each of its tokens, in bytes. The measured value is 127.
const BYTES_PER_TOKEN: u64 = 130;
/// Memory of the largest plan that is cached: a field has less than 256 bytes, and so have most literals.
const BYTES_PER_PLAN: u64 = 256 * MAX_CACHED_PLAN_SIZE as u64;
/// Memory of a typical document, in bytes.
const TYPICAL_DOCUMENT_BYTES: u64 = 64 * 1024;

/// A validated document that exceeds no limit, with its plans.
pub(crate) struct Document {
    pub(crate) validated: Valid<ExecutableDocument>,
    /// The plans of its operations, in the order of the document.
    plans: Vec<OnceLock<Arc<CompiledPlan>>>,
    bytes: u64,
}

impl Document {
    /// The plan of an operation; made once, unless it depends on variables or is very large.
    ///
    /// # Errors
    /// When it cannot be planned.
    pub(crate) fn plan(
        &self,
        operation: &Operation,
        make: impl FnOnce() -> Result<CompiledPlan, RequestError>,
    ) -> Result<Arc<CompiledPlan>, RequestError> {
        let mut operations = self.validated.operations.iter();
        let index = operations.position(|known| known.name == operation.name);
        let cached = index.and_then(|index| self.plans.get(index));
        if let Some(plan) = cached.and_then(OnceLock::get) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(make()?);
        if let Some(cached) = cached.filter(|_| plan.is_cacheable()) {
            // Another request may have been faster, with an equal plan.
            let _ = cached.set(Arc::clone(&plan));
        }
        Ok(plan)
    }
}

/// The SHA-256 of a document's text.
pub(crate) type Hash = [u8; 32];

#[derive(Clone)]
struct DocumentWeighter;

impl Weighter<Hash, Arc<Document>> for DocumentWeighter {
    fn weight(&self, _: &Hash, document: &Arc<Document>) -> u64 {
        document.bytes
    }
}

/// Finds the document of a request, and caches validated documents.
pub(crate) struct Documents {
    pub(crate) schema: Valid<Schema>,
    pub(crate) possible_types: PossibleTypes,
    pub(crate) limits: OperationLimits,
    pub(crate) rules: SchemaRules,
    cache: Cache<Hash, Arc<Document>, DocumentWeighter>,
    trusted: Option<TrustedDocuments>,
}

impl Documents {
    /// An empty cache for documents of this schema.
    pub(crate) fn new(schema: Valid<Schema>, limits: OperationLimits, rules: SchemaRules) -> Self {
        let items = usize::try_from(CACHE_BYTES / TYPICAL_DOCUMENT_BYTES).unwrap_or_default();
        let cache = Cache::with_weighter(items, CACHE_BYTES, DocumentWeighter);
        let possible_types = possible_types(&schema);
        Self { schema, possible_types, limits, rules, cache, trusted: None }
    }

    /// Restricts execution to the documents of this manifest.
    ///
    /// # Errors
    /// The ids of the documents that are not valid or exceed a limit, each with the reason.
    pub(crate) fn trust_only(
        &mut self,
        manifest: &[(String, String)],
    ) -> Result<(), TrustedDocumentsError> {
        let validate = |text: &str| self.parse_and_validate(text).map(Arc::new);
        self.trusted = Some(TrustedDocuments::new(manifest, validate)?);
        Ok(())
    }

    /// The document of a request, by its text or its identifier. The document of an anonymous
    /// client is not cached: it could evict the documents of users.
    pub(crate) fn find(
        &self,
        parameters: &Parameters,
        is_anonymous: bool,
    ) -> Result<Arc<Document>, RequestError> {
        let identifier = parameters.document_identifier()?;
        if let Some(trusted) = &self.trusted {
            return trusted.find(parameters.query.as_deref(), identifier.as_ref());
        }
        match (&parameters.query, identifier) {
            (Some(text), identifier) => self.by_text(text, identifier.as_ref(), is_anonymous),
            (None, Some(identifier)) => self.by_identifier(&identifier),
            (None, None) => Err(RequestError::malformed("The field `query` is missing or empty.")),
        }
    }

    fn by_text(
        &self,
        text: &str,
        identifier: Option<&DocumentIdentifier>,
        is_anonymous: bool,
    ) -> Result<Arc<Document>, RequestError> {
        let hash = hash(text);
        if identifier.is_some_and(|identifier| identifier.hash() != Some(hash)) {
            let message = "The hash is not the SHA-256 of `query`.";
            return Err(RequestError::new(
                RequestErrorKind::Document,
                code::BAD_USER_INPUT,
                message,
            ));
        }
        if let Some(document) = self.cache.get(&hash) {
            return Ok(document);
        }
        let document = Arc::new(self.parse_and_validate(text)?);
        if !is_anonymous {
            self.cache.insert(hash, Arc::clone(&document));
        }
        Ok(document)
    }

    /// Automatic persisted queries: after this error, the client sends the text once, with the
    /// hash.
    fn by_identifier(
        &self,
        identifier: &DocumentIdentifier,
    ) -> Result<Arc<Document>, RequestError> {
        identifier.hash().and_then(|hash| self.cache.get(&hash)).ok_or_else(|| {
            // Clients of the protocol compare this message.
            RequestError::new(
                RequestErrorKind::UnknownDocument,
                code::PERSISTED_QUERY_NOT_FOUND,
                "PersistedQueryNotFound",
            )
        })
    }

    fn parse_and_validate(&self, text: &str) -> Result<Document, RequestError> {
        let limit = self.limits.tokens;
        let mut parser = Parser::new().token_limit(limit).recursion_limit(MAX_NESTING);
        let parsed = parser.parse_ast(text, "document");
        limits::enforce("tokens", parser.tokens_reached(), limit)?;
        limits::enforce("nesting", parser.recursion_reached(), MAX_NESTING)?;
        let parsed = parsed.map_err(|found| {
            RequestError::from_diagnostics(RequestErrorKind::Syntax, &found.errors)
        })?;
        limits::check(&parsed, &self.limits)?;
        let validated = parsed.to_executable_validate(&self.schema).map_err(|found| {
            RequestError::from_diagnostics(RequestErrorKind::Document, &found.errors)
        })?;
        let plans: Vec<_> = validated.operations.iter().map(|_| OnceLock::new()).collect();
        // The text, and its literals in the parsed document.
        let bytes = 2 * text.len() as u64
            + BYTES_PER_TOKEN * parser.tokens_reached() as u64
            + BYTES_PER_PLAN * plans.len() as u64;
        Ok(Document { validated, plans, bytes })
    }
}

/// The hash that identifies the text of a document.
pub(crate) fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}
