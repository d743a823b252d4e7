//! The flags that limit what clients can do.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use graphql_engine::OperationLimits;
use graphql_engine::protocols::ConnectionLimits;

/// A number of at least 1.
fn count(text: &str) -> Result<usize, String> {
    let count = text.parse::<usize>().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "must be a whole number of at least 1".to_owned())
}

/// Limits for requests, connections and users.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitsArgs {
    /// Maximum bytes of the body of an HTTP request; uploads have their own limit
    #[arg(
        long,
        env = "PLANTAIN_MAX_REQUEST_BYTES",
        value_name = "BYTES",
        default_value_t = 1_048_576
    )]
    pub max_request_bytes: usize,

    /// Maximum bytes of a WebSocket message
    #[arg(
        long,
        env = "PLANTAIN_MAX_MESSAGE_BYTES",
        value_name = "BYTES",
        default_value_t = 524_288
    )]
    pub max_message_bytes: usize,

    /// Maximum number of lexical tokens in a document, including whitespace and comments
    #[arg(long, env = "PLANTAIN_MAX_TOKENS", value_name = "COUNT", default_value_t = 10_000)]
    pub max_tokens: usize,

    /// Maximum nesting depth of fields
    #[arg(long, env = "PLANTAIN_MAX_DEPTH", value_name = "COUNT", default_value_t = 20)]
    pub max_depth: usize,

    /// Maximum number of fields and fragments in a document; a fragment counts once per spread
    #[arg(long, env = "PLANTAIN_MAX_FIELDS", value_name = "COUNT", default_value_t = 2_000)]
    pub max_fields: usize,

    /// Maximum number of aliases in a document
    #[arg(long, env = "PLANTAIN_MAX_ALIASES", value_name = "COUNT", default_value_t = 100)]
    pub max_aliases: usize,

    /// Maximum number of root fields of an operation
    #[arg(long, env = "PLANTAIN_MAX_ROOT_FIELDS", value_name = "COUNT", default_value_t = 50)]
    pub max_root_fields: usize,

    /// Maximum number of directives in a document
    #[arg(long, env = "PLANTAIN_MAX_DIRECTIVES", value_name = "COUNT", default_value_t = 50)]
    pub max_directives: usize,

    /// Maximum cost of an operation: the number of values in the response, estimated from the page
    /// sizes
    #[arg(long, env = "PLANTAIN_MAX_COST", value_name = "COUNT", default_value_t = 50_000)]
    pub max_cost: usize,

    /// Maximum bytes of a response
    #[arg(
        long,
        alias = "max-answer-bytes",
        env = "PLANTAIN_MAX_RESPONSE_BYTES",
        value_name = "BYTES",
        default_value_t = 4_194_304
    )]
    pub max_response_bytes: usize,

    /// Maximum bytes of an uploaded image
    #[arg(long, env = "PLANTAIN_MAX_UPLOAD_BYTES", value_name = "BYTES", default_value_t = 20_971_520,
        value_parser = clap::value_parser!(u64).range(1..=134_217_728))]
    pub max_upload_bytes: u64,

    /// Seconds until a query or mutation times out, including up to 60 seconds of `waitSeconds`
    #[arg(long, alias = "operation-seconds", env = "PLANTAIN_OPERATION_TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 75,
        value_parser = clap::value_parser!(u32).range(1..=600))]
    pub operation_timeout_seconds: u32,

    /// Maximum number of concurrent operations on a WebSocket
    #[arg(
        long,
        env = "PLANTAIN_MAX_SOCKET_OPERATIONS",
        value_name = "COUNT",
        default_value_t = 100
    )]
    pub max_socket_operations: usize,

    /// Maximum number of sockets, streams and MCP calls that one user has open at this gateway
    #[arg(long, env = "PLANTAIN_MAX_USER_SOCKETS", value_name = "COUNT", default_value_t = 200)]
    pub max_user_sockets: usize,

    /// Maximum number of queries and mutations of one user that run at the same time at this gateway; twice as many wait
    /// for up to 5 seconds
    #[arg(long, env = "PLANTAIN_MAX_USER_OPERATIONS", value_name = "COUNT", default_value_t = 50,
        value_parser = count)]
    pub max_user_operations: usize,

    /// Maximum number of subscriptions of one user at this gateway
    #[arg(
        long,
        env = "PLANTAIN_MAX_USER_SUBSCRIPTIONS",
        value_name = "COUNT",
        default_value_t = 500
    )]
    pub max_user_subscriptions: usize,

    /// How many webhook mutations one user may call at this gateway, including those that send a message again; as many more become
    /// available each minute
    #[arg(long, env = "PLANTAIN_MAX_WEBHOOK_CHANGES", value_name = "COUNT", default_value = "60")]
    pub max_webhook_changes: NonZeroU32,

    /// Maximum number of open connections; lower when the system allows fewer open files
    #[arg(long, env = "PLANTAIN_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 50_000,
        value_parser = count)]
    pub max_connections: usize,

    /// Maximum number of open connections of one IP address, or of one /64 network of IPv6; behind trusted proxies, of
    /// requests in progress
    #[arg(long, env = "PLANTAIN_MAX_ADDRESS_CONNECTIONS", value_name = "COUNT", default_value_t = 1_000,
        value_parser = count)]
    pub max_address_connections: usize,

    /// Addresses or networks of the proxies in front of the gateway, separated by commas, such as 10.0.0.0/8: they have no
    /// limit of their own, and the header `x-forwarded-for` names their clients
    #[arg(long, env = "PLANTAIN_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<String>,

    /// Seconds without a message until a WebSocket client gets a ping; after the same time without
    /// a reply, or without reading, its socket is closed. Also for streams and HTTP responses
    #[arg(long, alias = "ping-seconds", env = "PLANTAIN_PING_INTERVAL_SECONDS", value_name = "SECONDS", default_value_t = 25,
        value_parser = clap::value_parser!(u32).range(1..=300))]
    pub ping_interval_seconds: u32,
}

impl LimitsArgs {
    /// Limits of one connection.
    pub(super) fn connection(&self) -> ConnectionLimits {
        ConnectionLimits {
            request_bytes: self.max_request_bytes,
            message_bytes: self.max_message_bytes,
            socket_operations: self.max_socket_operations,
            ping_interval: Duration::from_secs(self.ping_interval_seconds.into()),
        }
    }

    /// Limits of one operation.
    pub(super) const fn operation(&self) -> OperationLimits {
        OperationLimits {
            tokens: self.max_tokens,
            depth: self.max_depth,
            fields: self.max_fields,
            aliases: self.max_aliases,
            root_fields: self.max_root_fields,
            directives: self.max_directives,
            cost: self.max_cost,
            response_bytes: self.max_response_bytes,
        }
    }
}
