//! Environment variables that had another name in the last release. Their old names keep working for
//! one release, with a warning; so do the old flags, which are aliases in [`super::GatewayArgs`].

use std::env;
use std::ffi::{OsStr, OsString};

/// Old name, new name, and the flag that stands for both.
const FORMER_NAMES: [(&str, &str, &str); 7] = [
    ("PLANTAIN_KEEP_HISTORY_DAYS", "PLANTAIN_HISTORY_RETENTION_DAYS", "--history-retention-days"),
    ("PLANTAIN_KEEP_EVENTS_DAYS", "PLANTAIN_EVENT_RETENTION_DAYS", "--event-retention-days"),
    (
        "PLANTAIN_KEEP_CALLBACKS_DAYS",
        "PLANTAIN_CALLBACK_RETENTION_DAYS",
        "--callback-retention-days",
    ),
    (
        "PLANTAIN_OPERATION_SECONDS",
        "PLANTAIN_OPERATION_TIMEOUT_SECONDS",
        "--operation-timeout-seconds",
    ),
    ("PLANTAIN_PING_SECONDS", "PLANTAIN_PING_INTERVAL_SECONDS", "--ping-interval-seconds"),
    ("PLANTAIN_MAX_ANSWER_BYTES", "PLANTAIN_MAX_RESPONSE_BYTES", "--max-response-bytes"),
    ("ACE_DATA_JOBS_AT_ONCE", "ACE_DATA_MAX_CONCURRENT_JOBS", "--ace-data-max-concurrent-jobs"),
];

/// The subcommands that read the settings of the gateway.
const SUBCOMMANDS: [&str; 2] = ["dev", "serve"];

/// The arguments of this process, with a flag for each variable that is set by its old name only.
/// `warn` receives a line for each.
#[must_use]
pub fn arguments(warn: impl FnMut(&str)) -> Vec<OsString> {
    translate(env::args_os().collect(), |name| env::var_os(name), warn)
}

fn translate(
    mut arguments: Vec<OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
    mut warn: impl FnMut(&str),
) -> Vec<OsString> {
    let subcommand = arguments.get(1).and_then(|argument| argument.to_str());
    if !subcommand.is_some_and(|name| SUBCOMMANDS.contains(&name)) {
        return arguments;
    }
    for (old, new, flag) in FORMER_NAMES {
        let Some(value) = variable(old).filter(|_| variable(new).is_none()) else { continue };
        warn(&format!("{old} is deprecated and will be removed in the next release; use {new}"));
        let former_flag =
            format!("--{}", old.trim_start_matches("PLANTAIN_").to_lowercase().replace('_', "-"));
        let is_set =
            |argument: &OsString| is_flag(argument, flag) || is_flag(argument, &former_flag);
        if !arguments.iter().any(is_set) {
            let mut argument = OsString::from(format!("{flag}="));
            argument.push(value);
            arguments.push(argument);
        }
    }
    arguments
}

fn is_flag(argument: &OsStr, flag: &str) -> bool {
    let text = argument.to_string_lossy();
    text == flag || text.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<String>, usize) {
        let mut warnings = 0;
        let arguments = arguments.iter().map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let translated = translate(arguments, variable, |_| warnings += 1);
        (translated.into_iter().map(|each| each.into_string().unwrap()).collect(), warnings)
    }

    #[test]
    fn an_old_variable_counts_as_the_new_flag_and_causes_a_warning() {
        let old = [("PLANTAIN_PING_SECONDS", "5")];
        let (arguments, warnings) = translated(&["plantain", "serve"], &old);
        assert_eq!(arguments, ["plantain", "serve", "--ping-interval-seconds=5"]);
        assert_eq!(warnings, 1);
    }

    #[test]
    fn new_names_flags_and_other_subcommands_take_precedence() {
        let both = [("PLANTAIN_PING_SECONDS", "5"), ("PLANTAIN_PING_INTERVAL_SECONDS", "6")];
        assert_eq!(translated(&["plantain", "serve"], &both).0, ["plantain", "serve"]);
        let flag = ["plantain", "serve", "--ping-interval-seconds", "7"];
        assert_eq!(translated(&flag, &both[..1]), (flag.map(str::to_owned).to_vec(), 1));
        let former_flag = ["plantain", "serve", "--ping-seconds=7"];
        assert_eq!(translated(&former_flag, &both[..1]).0, former_flag);
        assert_eq!(translated(&["plantain", "token"], &both[..1]).0, ["plantain", "token"]);
    }
}
