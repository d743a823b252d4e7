//! Settings of the providers. A provider is enabled when its API key is set.

use secrecy::SecretString;
use url::Url;

use super::checks::Checks;
use super::{ConfigError, GatewayArgs};
use crate::domain::RateLimits;
use crate::providers::{ace_rate_limits, kie_rate_limits};

/// The enabled providers.
#[derive(Debug, Clone)]
pub struct ProvidersConfig {
    /// The `NanoBanana` API.
    pub nano_banana: Option<ApiConfig>,
    /// The Flux Kontext API.
    pub flux_kontext: Option<FluxKontextConfig>,
    /// Ace Data Cloud.
    pub ace_data: Option<AceDataConfig>,
}

/// Access to a provider's API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Base URL.
    pub base_url: Url,
    /// API key.
    pub key: SecretString,
    /// Rate limits, shared by all replicas.
    pub rate_limits: RateLimits,
}

/// Access to the Flux Kontext API.
#[derive(Debug, Clone)]
pub struct FluxKontextConfig {
    /// The API.
    pub api: ApiConfig,
    /// Verifies the signatures of callbacks; `None` accepts unsigned ones.
    pub webhook_key: Option<SecretString>,
}

/// Access to Ace Data Cloud.
#[derive(Debug, Clone)]
pub struct AceDataConfig {
    /// The API.
    pub api: ApiConfig,
    /// Where the balance is read; `None` leaves it unknown.
    pub platform: Option<PlatformConfig>,
}

/// Access to the platform of Ace Data Cloud.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// Base URL.
    pub base_url: Url,
    /// Platform token.
    pub token: SecretString,
    /// Id of the application whose balance is read.
    pub application_id: String,
}

impl ProvidersConfig {
    pub(super) fn new(args: &GatewayArgs, checks: &mut Checks) -> Self {
        let kie = kie_rate_limits(args.submissions_per_10_seconds, args.queries_per_second);
        let ace =
            ace_rate_limits(args.ace_data_max_concurrent_jobs, args.ace_data_queries_per_second);
        let api = |key: &Option<String>, base_url: &Url, rate_limits| {
            let key = key.clone()?.into();
            Some(ApiConfig { base_url: base_url.clone(), key, rate_limits })
        };
        check_webhook_key(args, checks);
        let platform = platform(args, checks);
        let flux_kontext = api(&args.flux_kontext_api_key, &args.flux_kontext_base_url, kie);
        let webhook_key = args.flux_kontext_webhook_key.clone().map(Into::into);
        let ace_data = api(&args.ace_data_api_key, &args.ace_data_base_url, ace);
        Self {
            nano_banana: api(&args.nanobanana_api_key, &args.nanobanana_base_url, kie),
            flux_kontext: flux_kontext.map(|api| FluxKontextConfig { api, webhook_key }),
            ace_data: ace_data.map(|api| AceDataConfig { api, platform }),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.nano_banana.is_none() && self.flux_kontext.is_none() && self.ace_data.is_none()
    }
}

fn platform(args: &GatewayArgs, checks: &mut Checks) -> Option<PlatformConfig> {
    let token = args.ace_data_platform_token.clone();
    let application_id = args.ace_data_application_id.clone();
    if token.is_some() != application_id.is_some() {
        let (token, id) = ("ACE_DATA_PLATFORM_TOKEN", "ACE_DATA_APPLICATION_ID");
        checks.add(ConfigError::IncompletePair(token, id));
    }
    let base_url = args.ace_data_platform_url.clone();
    Some(PlatformConfig { base_url, token: token?.into(), application_id: application_id? })
}

fn check_webhook_key(args: &GatewayArgs, checks: &mut Checks) {
    let host = args.flux_kontext_base_url.domain();
    let unsigned = host.is_some_and(|host| host == "fluxapi.ai" || host.ends_with(".fluxapi.ai"));
    if unsigned && args.flux_kontext_webhook_key.is_some() {
        checks.add(ConfigError::UnsignedCallbacks);
    }
}
