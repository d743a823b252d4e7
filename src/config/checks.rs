//! Validates settings.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{DEV_JWT_SECRET, DEV_SECRET, GatewayArgs};

const MIN_SECRET_BYTES: usize = 32;

/// Reports settings that have no effect without another one.
pub(super) fn check_incomplete_pairs(args: &GatewayArgs) -> Vec<String> {
    let mut problems = Vec::new();
    if args.ace_data_platform_token.is_some() != args.ace_data_application_id.is_some() {
        problems.push(
            "ACE_DATA_PLATFORM_TOKEN and ACE_DATA_APPLICATION_ID are only used together; set both or neither"
                .to_owned(),
        );
    }
    let unsigned = args
        .flux_kontext_base_url
        .domain()
        .is_some_and(|host| host == "fluxapi.ai" || host.ends_with(".fluxapi.ai"));
    if unsigned && args.flux_kontext_webhook_key.is_some() {
        problems.push(
            "FLUX_KONTEXT_WEBHOOK_KEY is set, but fluxapi.ai does not sign its callbacks, so that all of them would be ignored; unset it for fluxapi.ai"
                .to_owned(),
        );
    }
    problems
}

pub(super) fn split_secrets(text: &str) -> Vec<SecretString> {
    text.split(',').map(|secret| secret.trim().into()).collect()
}

pub(super) fn check_secrets(
    name: &str,
    text: Option<&str>,
    problems: &mut Vec<String>,
) -> Vec<SecretString> {
    let secrets = split_secrets(text.unwrap_or_default());
    for secret in &secrets {
        check_secret(name, secret.expose_secret(), problems);
    }
    secrets
}

/// At least one of the two is required: without keys, no token can be verified.
pub(super) fn check_token_keys(jwt_secret: Option<&str>, jwks_url: Option<&Url>) -> Vec<String> {
    let mut problems = Vec::from_iter(check_jwks_url(jwks_url, false));
    match jwt_secret {
        Some(secret) => check_secret("PLANTAIN_JWT_SECRET", secret, &mut problems),
        None if jwks_url.is_none() => problems.push(
            "PLANTAIN_JWT_SECRET and PLANTAIN_JWKS_URL are missing; set the secret that signs the access tokens, or the URL of the issuer's keys"
                .to_owned(),
        ),
        None => {}
    }
    problems
}

/// Over plain HTTP, an attacker on the network could replace the keys and sign in as any user.
pub(super) fn check_jwks_url(url: Option<&Url>, allow_loopback_http: bool) -> Option<String> {
    let url = url?;
    let safe = url.scheme() == "https"
        || (allow_loopback_http && url.scheme() == "http" && is_loopback_url(url));
    let plain = url.username().is_empty() && url.password().is_none();
    (!safe || !plain)
        .then(|| "PLANTAIN_JWKS_URL must be an https URL without user and password".to_owned())
}

/// Whether the URL names loopback; host names are not resolved.
pub(super) fn is_loopback_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn check_secret(name: &str, secret: &str, problems: &mut Vec<String>) {
    let problem = if secret.is_empty() {
        "is missing; set it to at least 32 random bytes, such as from `openssl rand -hex 32`"
    } else if secret.len() < MIN_SECRET_BYTES {
        "is shorter than 32 bytes; use random bytes, such as from `openssl rand -hex 32`"
    } else if secret == DEV_SECRET || secret == DEV_JWT_SECRET {
        "is the development secret, which is public; use a random one"
    } else {
        return;
    };
    problems.push(format!("{name} {problem}"));
}

pub(super) fn check_public_url(url: Option<&Url>) -> Option<String> {
    let url = url?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (!usable).then(|| {
        "PLANTAIN_PUBLIC_URL must be an http or https URL without user, query or fragment"
            .to_owned()
    })
}

/// Requires origins as browsers serialise them: scheme, host and port, nothing else.
pub(super) fn check_origins(origins: &[String]) -> Vec<String> {
    let is_origin = |text: &str| {
        let url = Url::parse(text).ok();
        url.is_some_and(|url| url.has_host() && url.origin().ascii_serialization() == text)
    };
    let wrong = origins.iter().filter(|origin| !is_origin(origin));
    wrong
        .map(|origin| {
            format!("PLANTAIN_CORS_ORIGINS contains {origin}, which is not an origin; write scheme://host or scheme://host:port")
        })
        .collect()
}
