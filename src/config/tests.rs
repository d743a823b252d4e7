//! The settings that `serve` accepts and rejects.

use clap::Parser;
use secrecy::ExposeSecret;

use super::*;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// Everything that production requires, and these flags, which have precedence.
fn complete(flags: &[&str]) -> GatewayArgs {
    let (secret, jwt_secret) = (random_secret(), random_secret());
    let needed = [
        "plantain",
        "--database-url=postgres://plantain@db/plantain?sslmode=disable",
        "--public-url=https://images.example.com",
        &format!("--secret={secret}"),
        &format!("--jwt-secret={jwt_secret}"),
        "--nanobanana-api-key=key",
    ];
    Arguments::parse_from(needed.iter().chain(flags)).gateway
}

fn random_secret() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn problems(args: GatewayArgs) -> Vec<String> {
    let errors = Config::for_serve(args).err().unwrap_or_default();
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn serve_starts_with_the_required_settings_and_allows_no_private_address() {
    let config = Config::for_serve(complete(&[])).unwrap();
    assert!(!config.tasks.allow_private_addresses);
}

#[test]
fn serve_reports_all_missing_settings_at_once() {
    let nothing = GatewayArgs {
        database_url: None,
        public_url: None,
        secret: None,
        jwt_secret: None,
        nanobanana_api_key: None,
        flux_kontext_api_key: None,
        ace_data_api_key: None,
        ..complete(&[])
    };
    let problems = problems(nothing).join("\n");
    let names = [
        "DATABASE_URL",
        "PLANTAIN_SECRET",
        "PLANTAIN_JWT_SECRET",
        "FLUX_KONTEXT_API_KEY",
        "PLANTAIN_PUBLIC_URL",
    ];
    for name in names {
        assert!(problems.contains(name), "{name} is not in: {problems}");
    }
}

#[test]
fn serve_on_a_public_address_requires_the_public_url() {
    let without_url = |bind: &[&str]| GatewayArgs { public_url: None, ..complete(bind) };
    assert!(Config::for_serve(without_url(&["--bind=127.0.0.1:4000"])).is_ok());
    let problems = problems(without_url(&["--bind=0.0.0.0:4000"]));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("PLANTAIN_PUBLIC_URL"), "{problems:?}");
}

#[test]
fn serve_rejects_settings_that_have_no_effect_without_another() {
    let cases: [(&[&str], usize); 6] = [
        (&["--ace-data-platform-token=token"], 1),
        (&["--ace-data-application-id=app"], 1),
        (&["--ace-data-platform-token=token", "--ace-data-application-id=app"], 0),
        (&["--flux-kontext-webhook-key=key"], 0),
        (&["--flux-kontext-webhook-key=key", "--flux-kontext-base-url=https://api.fluxapi.ai"], 1),
        (&["--flux-kontext-webhook-key=key", "--flux-kontext-base-url=https://notfluxapi.ai"], 0),
    ];
    for (flags, expected) in cases {
        assert_eq!(problems(complete(flags)).len(), expected, "{flags:?}");
    }
}

#[test]
fn origins_must_be_written_as_browsers_serialise_them() {
    let good = complete(&["--cors-origins=https://app.example.com,http://localhost:5173"]);
    assert_eq!(problems(good), Vec::<String>::new());
    for wrong in ["*", "app.example.com", "https://app.example.com/", "https://app.example.com:443"]
    {
        let problems = problems(complete(&[&format!("--cors-origins={wrong}")]));
        assert!(problems.len() == 1 && problems[0].contains(wrong), "{problems:?}");
    }
}

#[test]
fn tokens_require_the_secret_or_the_issuers_keys_over_https() {
    let keys = "--jwks-url=https://project.supabase.co/auth/v1/.well-known/jwks.json";
    let without_secret = GatewayArgs { jwt_secret: None, ..complete(&[keys]) };
    assert_eq!(problems(without_secret), Vec::<String>::new());
    assert_eq!(problems(complete(&[keys])), Vec::<String>::new());
    for wrong in ["http://127.0.0.1/keys", "http://issuer/keys", "https://me:too@issuer/keys"] {
        let problems = problems(complete(&[&format!("--jwks-url={wrong}")]));
        assert!(problems.len() == 1 && problems[0].contains("PLANTAIN_JWKS_URL"), "{problems:?}");
    }
}

#[test]
fn a_bucket_requires_a_name_keys_and_a_safe_endpoint() {
    let keys = ["--aws-access-key-id=id", "--aws-secret-access-key=key"];
    let with = |flags: &[&str]| problems(complete(&[&keys, flags].concat())).join("\n");
    let bucket = "--storage-url=s3://images/plantain";
    let supabase = "--aws-endpoint-url=https://project.supabase.co/storage/v1/s3";
    let elsewhere = "--aws-endpoint-url=http://minio:9000";
    for good in [
        &[bucket][..],
        &[bucket, supabase],
        &["--storage-url=s3://images"],
        &[bucket, "--aws-endpoint=http://127.0.0.1:9000"],
        &[bucket, elsewhere, "--aws-allow-http=true"],
    ] {
        assert_eq!(with(good), "", "{good:?}");
    }
    for (wrong, name) in [
        (&["--storage-url=s3:///plantain"][..], "PLANTAIN_STORAGE_URL"),
        (&["--storage-url=s3://key@images"], "PLANTAIN_STORAGE_URL"),
        (&["--storage-url=https://images.example.com"], "PLANTAIN_STORAGE_URL"),
        (&[bucket, elsewhere], "AWS_ENDPOINT_URL"),
        (&[bucket, "--aws-endpoint-url=minio"], "AWS_ENDPOINT_URL"),
    ] {
        assert!(with(wrong).starts_with(name), "{wrong:?}: {}", with(wrong));
    }
    assert_eq!(problems(complete(&[bucket, "--aws-access-key-id="])).len(), 2);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let flags = ["--jwt-issuer=", "--flux-kontext-webhook-key=", "--ace-data-api-key="];
    let config = Config::for_serve(complete(&flags)).unwrap();
    assert_eq!(config.auth.claims.issuer, None);
    assert!(config.providers.flux_kontext.is_none() && config.providers.ace_data.is_none());
}

#[test]
fn dev_uses_the_secrets_of_its_data_folder_and_checks_those_that_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let configured = |secret: Option<&str>, jwt_secret: Option<&str>| {
        let (secret, jwt_secret) = (secret.map(str::to_owned), jwt_secret.map(str::to_owned));
        let data_dir = folder.path().to_owned();
        let args = GatewayArgs { secret, jwt_secret, data_dir, ..complete(&[]) };
        Config::for_dev(args, "postgres://localhost/plantain".to_owned())
    };
    let used = configured(None, None).unwrap().auth.jwt_secret.unwrap();
    let of_folder = dev_token_secret(folder.path()).unwrap();
    assert_eq!(used.expose_secret(), of_folder.expose_secret());
    let good = random_secret();
    assert!(configured(Some(&good), Some(&good)).is_ok());
    for bad in ["short", "compose-only-replace-me-in-production"] {
        assert!(configured(Some(bad), None).is_err() && configured(None, Some(bad)).is_err());
    }
}

#[test]
fn a_database_on_another_machine_needs_an_sslmode() {
    let problems = |url: &str| {
        let database_url = Some(url.to_owned());
        problems(GatewayArgs { database_url, ..complete(&[]) })
    };
    for good in [
        "postgres://plantain@db/plantain?sslmode=verify-full",
        "postgres://plantain@127.0.0.1:5432/plantain",
        "postgres://plantain@localhost/plantain",
        "postgres:///plantain?host=/var/run/postgresql",
        "postgres://plantain@localhost/plantain?host=%2Ftmp",
    ] {
        assert!(problems(good).is_empty(), "{good}: {:?}", problems(good));
    }
    for bad in ["postgres://plantain@db/plantain", "postgres://plantain@10.1.2.3/plantain?x=1"] {
        assert!(problems(bad)[0].contains("sslmode"), "{bad}");
    }
}

#[test]
fn serve_rejects_every_secret_of_this_repository() {
    for secret in [
        "plantain development only: not a secret at all",
        "0123456789abcdef0123456789abcdef",
        "compose-only-replace-me-in-production",
    ] {
        let args = GatewayArgs {
            secret: Some(secret.to_owned()),
            jwt_secret: Some(secret.to_owned()),
            ..complete(&[])
        };
        let problems = problems(args);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains("everybody knows")));
    }
}
