//! What `serve` starts with, and what it refuses.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// All that production needs, and these flags, which win.
fn complete(flags: &[&str]) -> GatewayArgs {
    let needed = [
        "plantain",
        "--database-url=postgres://plantain@db/plantain",
        "--public-url=https://images.example.com",
        "--secret=0123456789abcdef0123456789abcdef",
        "--jwt-secret=0123456789abcdef0123456789abcdef",
        "--nanobanana-api-key=key",
    ];
    Arguments::parse_from(needed.iter().chain(flags)).gateway
}

fn problems(args: GatewayArgs) -> Vec<String> {
    Config::for_serve(args).err().unwrap_or_default()
}

#[test]
fn serve_starts_with_what_production_needs_and_trusts_no_private_address() {
    let config = Config::for_serve(complete(&[])).unwrap();
    assert!(!config.allow_private_addresses);
}

#[test]
fn serve_names_everything_that_is_missing_at_once() {
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
    let names = ["DATABASE_URL", "PLANTAIN_SECRET", "PLANTAIN_JWT_SECRET", "FLUX_KONTEXT_API_KEY"];
    for name in names {
        assert!(problems.contains(name), "{name} is not in: {problems}");
    }
}

#[test]
fn serve_refuses_settings_that_mean_nothing_without_another() {
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
fn the_readme_names_every_bound() {
    let readme = include_str!("../../README.md");
    let command = <Arguments as clap::CommandFactory>::command();
    let bounds = command.get_arguments().filter(|flag| flag.get_help_heading() == Some("Bounds"));
    let settings: Vec<&str> = bounds.filter_map(|flag| flag.get_env()?.to_str()).collect();
    assert!(settings.len() > 10, "{settings:?}");
    for setting in settings {
        assert!(readme.contains(setting), "{setting} is not in the README");
    }
}

#[test]
fn origins_are_named_as_browsers_name_them() {
    let good = complete(&["--cors-origins=https://app.example.com,http://localhost:5173"]);
    assert_eq!(problems(good), Vec::<String>::new());
    for wrong in ["*", "app.example.com", "https://app.example.com/", "https://app.example.com:443"]
    {
        let problems = problems(complete(&[&format!("--cors-origins={wrong}")]));
        assert!(problems.len() == 1 && problems[0].contains(wrong), "{problems:?}");
    }
}
