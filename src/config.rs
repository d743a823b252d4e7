//! Settings: every flag has an environment variable, and the only place that reads either is here.

mod args;
mod checks;
mod storage;

use secrecy::SecretString;

pub use args::{BoundsArgs, GatewayArgs, KeepArgs};
use checks::{
    check_halves, check_issuer, check_jwks_url, check_origins, check_public_url, check_secrets,
    split_secrets,
};
pub use storage::StorageArgs;

use crate::auth::Expectations;
use crate::blobs::StorageConfig;

/// Signs tokens under `dev`, which only listens on this machine; `serve` refuses it.
const DEV_JWT_SECRET: &str = "plantain development only: not a secret at all";
/// Signs links under `dev`; `serve` refuses it.
const DEV_SECRET: &str = "plantain development only: signs callbacks and links";

/// A complete and safe configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Postgres is.
    pub database_url: SecretString,
    /// Signs links, the first of them.
    pub secrets: Vec<SecretString>,
    /// Verifies HS256 tokens.
    pub jwt_secret: Option<SecretString>,
    /// What is asked of tokens.
    pub expectations: Expectations,
    /// Where images are kept.
    pub storage: StorageConfig,
    /// Whether fetches may reach private addresses.
    pub allow_private_addresses: bool,
    /// Whether every page on this machine may call.
    pub origins_on_this_machine: bool,
    /// What the providers know the gateway by.
    pub keys: Keys,
    /// Everything that can be used as it was given.
    pub args: GatewayArgs,
}

/// What the providers know the gateway by; a provider without its key is off.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Of the `NanoBanana` API.
    pub nano_banana: Option<SecretString>,
    /// Of the Flux Kontext API.
    pub flux_kontext: Option<SecretString>,
    /// What kie.ai signs callbacks with.
    pub flux_kontext_webhook: Option<SecretString>,
    /// Of Ace Data Cloud.
    pub ace_data: Option<SecretString>,
    /// Of Ace Data Cloud's platform.
    pub ace_data_platform: Option<SecretString>,
}

impl Keys {
    /// An empty variable is as good as none.
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
    /// Settings for production.
    ///
    /// # Errors
    /// Every setting that is missing or unsafe, each with what to do.
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
        problems.extend(check_issuer(jwt_secret.as_deref(), args.jwks_url.as_ref()));
        if Keys::new(&args).are_missing() {
            problems.push(
                "NANOBANANA_API_KEY, FLUX_KONTEXT_API_KEY and ACE_DATA_API_KEY are missing; without one of them nothing can be generated"
                    .to_owned(),
            );
        }
        problems.extend(check_public_url(args.public_url.as_ref()));
        let storage = storage::storage(&args, &mut problems);
        problems.extend(check_halves(&args));
        problems.extend(check_origins(&args.cors_origins));
        if !problems.is_empty() {
            return Err(problems);
        }
        let allow_private_addresses = args.allow_private_addresses.unwrap_or(false);
        let jwt_secret = jwt_secret.map(SecretString::from);
        let config = Self::new(args, database_url, secrets, jwt_secret, storage);
        Ok(Self { allow_private_addresses, ..config })
    }

    /// Settings for one developer on one machine; what is left out has a working default.
    ///
    /// # Errors
    /// When the known development secrets would be reachable from other machines.
    pub fn for_dev(args: GatewayArgs, database_url: String) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let storage = storage::storage(&args, &mut problems);
        problems.extend(check_origins(&args.cors_origins));
        problems.extend(check_jwks_url(args.jwks_url.as_ref(), true));
        let own_secrets = args.secret.is_some() && args.jwt_secret.is_some();
        if !args.bind.ip().is_loopback() && !own_secrets {
            problems.push(format!(
                "PLANTAIN_BIND is {}, which other machines can reach, and the development secrets are known to all; set PLANTAIN_SECRET and PLANTAIN_JWT_SECRET",
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
        Ok(Self { allow_private_addresses, origins_on_this_machine: true, ..config })
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
            expectations: Expectations {
                issuer: args.jwt_issuer.clone(),
                audience: args.jwt_audience.clone(),
            },
            storage,
            allow_private_addresses: false,
            origins_on_this_machine: false,
            keys: Keys::new(&args),
            args,
        }
    }
}

/// The secret that `token` signs with: the configured one, or that of `dev`.
#[must_use]
pub fn dev_jwt_secret(configured: Option<&str>) -> SecretString {
    configured.unwrap_or(DEV_JWT_SECRET).into()
}

#[cfg(test)]
mod tests;
