//! Validates settings, and collects everything that is wrong.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{ConfigError, ConfigErrors, GatewayArgs};

const MIN_SECRET_BYTES: usize = 32;
/// Secrets that were ever written in this repository: everybody knows them.
const PUBLISHED_SECRETS: [&str; 6] = [
    "0123456789abcdef0123456789abcdef",
    "a secret of at least thirty-two bytes",
    "compose-only-replace-me-in-production",
    "plantain development only: not a secret at all",
    "plantain development only: signs callbacks and links",
    "the-secret-of-the-benchmark-serves-no-other-purpose",
];

/// The errors that were found so far.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<ConfigError>);

impl Checks {
    pub(super) fn add(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    pub(super) fn missing(&mut self, setting: &'static str, advice: &'static str) {
        self.add(ConfigError::Missing { setting, advice });
    }

    pub(super) fn require(
        &mut self,
        is_valid: bool,
        setting: &'static str,
        expected: &'static str,
    ) {
        if !is_valid {
            self.add(ConfigError::Invalid { setting, expected });
        }
    }

    /// # Errors
    /// Everything that was added.
    pub(super) fn finish(self) -> Result<(), ConfigErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigErrors(self.0)) }
    }

    pub(super) fn database_url(&mut self, url: Option<&str>) -> String {
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            self.missing("DATABASE_URL", "set it to postgres://user:password@host/database");
            return String::new();
        };
        self.postgres_url("DATABASE_URL", url);
        url.to_owned()
    }

    pub(super) fn events_url(&mut self, url: &Url) {
        let is_nats = matches!(url.scheme(), "nats" | "tls") && url.host().is_some();
        let is_valid = is_nats || url.as_str() == "postgres:";
        let expected = "`postgres:`, or a NATS server such as nats://host:4222";
        self.require(is_valid, "PLANTAIN_EVENTS_URL", expected);
    }

    pub(super) fn direct_database_url(&mut self, url: Option<&str>) {
        if let Some(url) = url {
            self.postgres_url("PLANTAIN_DATABASE_DIRECT_URL", url);
        }
    }

    fn postgres_url(&mut self, setting: &'static str, url: &str) {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|it| url.starts_with(it));
        self.require(is_postgres, setting, "a URL that begins with postgres://");
        if is_postgres && !says_how_to_encrypt(url) {
            self.add(ConfigError::UnencryptedDatabase { setting });
        }
    }

    pub(super) fn secrets(&mut self, name: &'static str, text: Option<&str>) -> Vec<SecretString> {
        let secrets = split_secrets(text.unwrap_or_default());
        for secret in &secrets {
            self.secret(name, secret.expose_secret());
        }
        secrets
    }

    fn secret(&mut self, setting: &'static str, secret: &str) {
        if secret.is_empty() {
            let advice = "set it to at least 32 random bytes, such as from `openssl rand -hex 32`";
            self.missing(setting, advice);
        } else if secret.len() < MIN_SECRET_BYTES {
            self.add(ConfigError::ShortSecret { setting });
        } else if PUBLISHED_SECRETS.contains(&secret) {
            self.add(ConfigError::PublishedSecret { setting });
        }
    }

    /// At least one of the two is required: without keys, no token can be verified.
    pub(super) fn token_keys(&mut self, jwt_secret: Option<&str>, jwks_url: Option<&Url>) {
        self.jwks_url(jwks_url, false);
        match jwt_secret {
            Some(secret) => self.secret("PLANTAIN_JWT_SECRET", secret),
            None if jwks_url.is_none() => self.missing(
                "PLANTAIN_JWT_SECRET or PLANTAIN_JWKS_URL",
                "set the secret that signs the access tokens, or the URL of the issuer's keys",
            ),
            None => {}
        }
    }

    /// Under `dev`, the secrets of the data folder stand for those that are not set.
    pub(super) fn dev_secrets(
        &mut self,
        setting: &'static str,
        configured: Option<&str>,
        of_folder: io::Result<SecretString>,
    ) -> Vec<SecretString> {
        if configured.is_some() {
            return self.secrets(setting, configured);
        }
        match of_folder {
            Ok(secret) => vec![secret],
            Err(error) => {
                self.add(ConfigError::DataFolder(error.to_string()));
                Vec::new()
            }
        }
    }

    /// Over plain HTTP, an attacker on the network could replace the keys and sign in as any user.
    pub(super) fn jwks_url(&mut self, url: Option<&Url>, allow_loopback_http: bool) {
        let Some(url) = url else { return };
        let is_safe = url.scheme() == "https"
            || (allow_loopback_http && url.scheme() == "http" && is_loopback_url(url));
        let is_plain = url.username().is_empty() && url.password().is_none();
        let expected = "an https URL without user and password";
        self.require(is_safe && is_plain, "PLANTAIN_JWKS_URL", expected);
    }

    pub(super) fn public_url(&mut self, url: Option<&Url>) {
        let Some(url) = url else { return };
        let is_usable = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let expected = "an http or https URL without user, query or fragment";
        self.require(is_usable, "PLANTAIN_PUBLIC_URL", expected);
    }

    /// Optional for a gateway that listens on loopback only. Also reported when another setting is missing, because
    /// most gateways need it.
    pub(super) fn missing_public_url(&mut self, args: &GatewayArgs) {
        let is_local = args.bind.ip().is_loopback() && self.0.is_empty();
        if args.public_url.is_none() && !is_local {
            self.missing(
                "PLANTAIN_PUBLIC_URL",
                "set it to the URL at which clients and providers reach the gateway, such as https://images.example.com",
            );
        }
    }

    /// Addresses and networks.
    pub(super) fn networks(&mut self, texts: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            match text.parse::<IpNet>().or(address) {
                Ok(network) => networks.push(network),
                Err(_) => self.add(ConfigError::Network(text.to_owned())),
            }
        }
        networks
    }

    /// Requires origins as browsers serialize them: scheme, host and port, nothing else.
    pub(super) fn origins(&mut self, origins: &[String]) {
        let is_origin = |text: &str| {
            let url = Url::parse(text).ok();
            url.is_some_and(|url| url.has_host() && url.origin().ascii_serialization() == text)
        };
        let wrong = origins.iter().filter(|origin| !is_origin(origin));
        self.0.extend(wrong.cloned().map(ConfigError::Origin));
    }
}

/// Whether a database on another machine is named with its `sslmode`: without it, a connection is not encrypted when the server
/// does not offer it, and never verified.
fn says_how_to_encrypt(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return true };
    let names = ["sslmode", "ssl-mode"];
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|pair| pair.1);
    // A folder with a socket.
    let is_socket = parameter("host").is_some_and(|host| host.starts_with('/'));
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_here = is_socket || is_loopback || matches!(host, "" | "localhost");
    is_here || names.iter().any(|name| parameter(name).is_some())
}

pub(super) fn split_secrets(text: &str) -> Vec<SecretString> {
    text.split(',').map(|secret| secret.trim().into()).collect()
}

/// Whether the URL names loopback; host names are not resolved.
#[must_use]
pub fn is_loopback_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
