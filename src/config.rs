//! Configuration. Every flag has an environment variable; no other module reads either.

mod args;
mod checks;
mod storage;

use secrecy::SecretString;

pub use args::{GatewayArgs, LimitsArgs, RetentionArgs};
use checks::{
    check_incomplete_pairs, check_jwks_url, check_origins, check_public_url, check_secrets,
    check_token_keys, split_secrets,
};
pub use storage::StorageArgs;

use crate::auth::ClaimRequirements;
use crate::blobs::StorageConfig;

/// Signs access tokens under `dev`, which by default listens on loopback only; `serve` rejects it.
const DEV_JWT_SECRET: &str = "plantain development only: not a secret at all";
/// Signs links under `dev`; `serve` rejects it.
const DEV_SECRET: &str = "plantain development only: signs callbacks and links";

/// A complete, validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// URL of the database.
    pub database_url: SecretString,
    /// Secrets for signed links: the first one signs, all verify.
    pub secrets: Vec<SecretString>,
    /// Secret for HS256 tokens.
    pub jwt_secret: Option<SecretString>,
    /// The claims that tokens must have.
    pub claim_requirements: ClaimRequirements,
    /// The image store.
    pub storage: StorageConfig,
    /// Whether fetches may reach private addresses.
    pub allow_private_addresses: bool,
    /// Whether pages on any loopback origin may call the gateway.
    pub allow_loopback_origins: bool,
    /// The API keys of the providers.
    pub keys: ProviderKeys,
    /// The settings that need no conversion.
    pub args: GatewayArgs,
}

/// The API keys of the providers. A provider without a key is disabled.
#[derive(Debug, Clone)]
pub struct ProviderKeys {
    /// Key of the `NanoBanana` API.
    pub nano_banana: Option<SecretString>,
    /// Key of the Flux Kontext API.
    pub flux_kontext: Option<SecretString>,
    /// Key for the callback signatures of kie.ai.
    pub flux_kontext_webhook: Option<SecretString>,
    /// Key of Ace Data Cloud.
    pub ace_data: Option<SecretString>,
    /// Token of Ace Data Cloud's platform API.
    pub ace_data_platform: Option<SecretString>,
}

impl ProviderKeys {
    /// An empty variable counts as unset.
    fn new(args: &GatewayArgs) -> Self {
        let secret = |text: &Option<String>| {
            text.clone().filter(|text| !text.is_empty()).map(SecretString::from)
        };
        Self {
            nano_banana: secret(&args.nanobanana_api_key),
            flux_kontext: secret(&args.flux_kontext_api_key),
            flux_kontext_webhook: secret(&args.flux_kontext_webhook_key),
            ace_data: secret(&args.ace_data_api_key),
            ace_data_platform: secret(&args.ace_data_platform_token),
        }
    }

    const fn are_missing(&self) -> bool {
        self.nano_banana.is_none() && self.flux_kontext.is_none() && self.ace_data.is_none()
    }
}

impl Config {
    /// Configuration for production.
    ///
    /// # Errors
    /// All missing or unsafe settings, each with what to do.
    pub fn for_serve(args: GatewayArgs) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let database_url = args.database_url.clone().unwrap_or_else(|| {
            problems.push(
                "DATABASE_URL is missing; set it to postgres://user:password@host/database"
                    .to_owned(),
            );
            String::new()
        });
        let postgres = ["postgres://", "postgresql://"];
        if !database_url.is_empty()
            && !postgres.iter().any(|scheme| database_url.starts_with(scheme))
        {
            problems.push("DATABASE_URL must begin with postgres://".to_owned());
        }
        let secrets = check_secrets("PLANTAIN_SECRET", args.secret.as_deref(), &mut problems);
        let jwt_secret = args.jwt_secret.clone().filter(|secret| !secret.is_empty());
        problems.extend(check_token_keys(jwt_secret.as_deref(), args.jwks_url.as_ref()));
        if ProviderKeys::new(&args).are_missing() {
            problems.push(
                "NANOBANANA_API_KEY, FLUX_KONTEXT_API_KEY and ACE_DATA_API_KEY are missing; set at least one of them"
                    .to_owned(),
            );
        }
        problems.extend(check_public_url(args.public_url.as_ref()));
        let storage = storage::storage(&args, &mut problems);
        problems.extend(check_incomplete_pairs(&args));
        problems.extend(check_origins(&args.cors_origins));
        if !problems.is_empty() {
            return Err(problems);
        }
        let allow_private_addresses = args.allow_private_addresses.unwrap_or(false);
        let jwt_secret = jwt_secret.map(SecretString::from);
        let config = Self::new(args, database_url, secrets, jwt_secret, storage);
        Ok(Self { allow_private_addresses, ..config })
    }

    /// Configuration for development on one machine; all settings have defaults.
    ///
    /// # Errors
    /// When other machines could reach a gateway that uses the public development secrets.
    pub fn for_dev(args: GatewayArgs, database_url: String) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let storage = storage::storage(&args, &mut problems);
        problems.extend(check_origins(&args.cors_origins));
        problems.extend(check_jwks_url(args.jwks_url.as_ref(), true));
        let own_secrets = args.secret.is_some() && args.jwt_secret.is_some();
        if !args.bind.ip().is_loopback() && !own_secrets {
            problems.push(format!(
                "PLANTAIN_BIND is {}, which other machines can reach, and the development secrets are public; set PLANTAIN_SECRET and PLANTAIN_JWT_SECRET",
                args.bind,
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let secrets = split_secrets(args.secret.as_deref().unwrap_or(DEV_SECRET));
        let jwt_secret = Some(dev_jwt_secret(args.jwt_secret.as_deref()));
        let allow_private_addresses = args.allow_private_addresses.unwrap_or(true);
        let config = Self::new(args, database_url, secrets, jwt_secret, storage);
        Ok(Self { allow_private_addresses, allow_loopback_origins: true, ..config })
    }

    fn new(
        args: GatewayArgs,
        database_url: String,
        secrets: Vec<SecretString>,
        jwt_secret: Option<SecretString>,
        storage: StorageConfig,
    ) -> Self {
        Self {
            database_url: database_url.into(),
            secrets,
            jwt_secret,
            claim_requirements: ClaimRequirements {
                issuer: args.jwt_issuer.clone(),
                audience: args.jwt_audience.clone(),
            },
            storage,
            allow_private_addresses: false,
            allow_loopback_origins: false,
            keys: ProviderKeys::new(&args),
            args,
        }
    }
}

/// The secret for the subcommand `token`: the configured one, or the one of `dev`.
#[must_use]
pub fn dev_jwt_secret(configured: Option<&str>) -> SecretString {
    configured.unwrap_or(DEV_JWT_SECRET).into()
}

#[cfg(test)]
mod tests;
