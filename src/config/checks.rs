//! What makes a setting unusable or unsafe.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{DEV_JWT_SECRET, DEV_SECRET, GatewayArgs};

const MIN_SECRET_BYTES: usize = 32;

/// Settings that would be ignored without another.
pub(super) fn check_halves(args: &GatewayArgs) -> Vec<String> {
    let mut problems = Vec::new();
    if args.ace_data_platform_token.is_some() != args.ace_data_application_id.is_some() {
        problems.push(
            "ACE_DATA_PLATFORM_TOKEN and ACE_DATA_APPLICATION_ID read the balance together; set both or neither"
                .to_owned(),
        );
    }
    let unsigned = args
        .flux_kontext_base_url
        .domain()
        .is_some_and(|host| host == "fluxapi.ai" || host.ends_with(".fluxapi.ai"));
    if unsigned && args.flux_kontext_webhook_key.is_some() {
        problems.push(
            "FLUX_KONTEXT_WEBHOOK_KEY is set, but only kie.ai signs its callbacks, and every unsigned one would be ignored; leave it out for fluxapi.ai"
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

/// Without either, nobody can sign in.
pub(super) fn check_issuer(jwt_secret: Option<&str>, jwks_url: Option<&Url>) -> Vec<String> {
    let mut problems = Vec::from_iter(check_jwks_url(jwks_url, false));
    match jwt_secret {
        Some(secret) => check_secret("PLANTAIN_JWT_SECRET", secret, &mut problems),
        None if jwks_url.is_none() => problems.push(
            "PLANTAIN_JWT_SECRET and PLANTAIN_JWKS_URL are missing; set the secret or the address of the keys that the users' tokens are signed with"
                .to_owned(),
        ),
        None => {}
    }
    problems
}

/// Whoever can change the keys on their way can sign in as anybody.
pub(super) fn check_jwks_url(url: Option<&Url>, http_on_this_machine: bool) -> Option<String> {
    let url = url?;
    let safe = url.scheme() == "https"
        || (http_on_this_machine && url.scheme() == "http" && is_this_machine(url));
    let plain = url.username().is_empty() && url.password().is_none();
    (!safe || !plain)
        .then(|| "PLANTAIN_JWKS_URL must be an https address without user and password".to_owned())
}

/// As far as it shows without resolving the name.
pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn check_secret(name: &str, secret: &str, problems: &mut Vec<String>) {
    let problem = if secret.is_empty() {
        "is missing; set it to a random text of 32 bytes or more, such as from `openssl rand -hex 32`"
    } else if secret.len() < MIN_SECRET_BYTES {
        "is shorter than 32 bytes; use a random text such as from `openssl rand -hex 32`"
    } else if secret == DEV_SECRET || secret == DEV_JWT_SECRET {
        "is the development secret, which is known to all; use a random one"
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
        "PLANTAIN_PUBLIC_URL must be a plain http or https address without user, query or fragment".to_owned()
    })
}

/// An origin as browsers write it: nothing behind the host and the port.
pub(super) fn check_origins(origins: &[String]) -> Vec<String> {
    let is_origin = |text: &str| {
        let url = Url::parse(text).ok();
        url.is_some_and(|url| url.has_host() && url.origin().ascii_serialization() == text)
    };
    let wrong = origins.iter().filter(|origin| !is_origin(origin));
    wrong
        .map(|origin| {
            format!("PLANTAIN_CORS_ORIGINS has {origin}; name each as scheme://host or scheme://host:port, without a path")
        })
        .collect()
}
