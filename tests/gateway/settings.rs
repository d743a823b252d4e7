//! The pages about settings and limits, from the command line's own description.

use std::fmt::Write as _;

use clap::{Arg, Args as _, Command};
use plantain::config::GatewayArgs;

use crate::harness::assert_generated;

const LIMITS: &str = "Limits";

#[test]
fn docs_settings_lists_every_setting() {
    let mut text = String::new();
    let command = command();
    let mut headings: Vec<_> = command.get_arguments().map(Arg::get_help_heading).collect();
    headings.dedup();
    for heading in headings {
        let arguments = command.get_arguments().filter(|arg| arg.get_help_heading() == heading);
        let heading = heading.unwrap_or("Gateway");
        writeln!(text, "## {heading}\n\n{}", table(arguments)).unwrap();
    }
    let page = include_str!("settings.md").replace("{{settings}}\n", &text);
    assert_generated("docs/settings.md", &page);
}

#[test]
fn docs_limits_lists_every_limit() {
    let command = command();
    let limits = command.get_arguments().filter(|arg| arg.get_help_heading() == Some(LIMITS));
    let page = include_str!("limits.md").replace("{{limits}}", &table(limits));
    assert_generated("docs/limits.md", &page);
}

fn command() -> Command {
    GatewayArgs::augment_args(Command::new("serve"))
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = arguments.map(row).collect();
    format!("| Variable | Flag | Meaning | Default |\n| --- | --- | --- | --- |\n{rows}")
}

fn row(argument: &Arg) -> String {
    let variable = argument.get_env().unwrap().to_str().unwrap();
    let flag = argument.get_long().unwrap();
    let help = argument.get_help().unwrap().to_string().replace('|', "\\|");
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.display()))
        .collect();
    format!("| `{variable}` | `--{flag}` | {help} | {} |\n", defaults.join(", "))
}
