//! The setting `PLANTAIN_HTTP_PROFILE`.

use clap::ValueEnum;
use graphql_engine::protocols::StatusProfile;

/// The HTTP status codes of GraphQL responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HttpProfile {
    /// The status codes that the audits of the npm package graphql-http require
    Audited,
    /// The status codes of the GraphQL over HTTP draft of August 2026: 422 for an invalid request, 294
    /// for a partial response
    Draft,
}

impl From<HttpProfile> for StatusProfile {
    fn from(profile: HttpProfile) -> Self {
        match profile {
            HttpProfile::Audited => Self::Audited,
            HttpProfile::Draft => Self::Draft,
        }
    }
}
