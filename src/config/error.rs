//! What makes settings unusable or unsafe.

use std::fmt;

/// One setting that is missing, invalid or unsafe, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required setting is not set.
    #[error("{setting} is missing; {advice}")]
    Missing {
        /// The setting, or several.
        setting: &'static str,
        /// How to set it.
        advice: &'static str,
    },
    /// A value is not valid.
    #[error("{setting} must be {expected}")]
    Invalid {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A secret is too short.
    #[error(
        "{setting} is shorter than 32 bytes; use random bytes, such as from `openssl rand -hex 32`"
    )]
    ShortSecret {
        /// The setting.
        setting: &'static str,
    },
    /// A secret stands in the source code of Plantain.
    #[error(
        "{setting} is a secret from the source code of Plantain, which everybody knows; use random bytes, such as from `openssl rand -hex 32`"
    )]
    PublishedSecret {
        /// The setting.
        setting: &'static str,
    },
    /// An entry of the list of origins is not an origin.
    #[error(
        "PLANTAIN_CORS_ORIGINS contains {0}, which is not an origin; write scheme://host or scheme://host:port"
    )]
    Origin(String),
    /// An entry of the list of proxies is not a network.
    #[error(
        "PLANTAIN_TRUSTED_PROXIES contains {0}, which is not an address or network; write 10.1.2.3 or 10.0.0.0/8"
    )]
    Network(String),
    /// A database on another machine, without `sslmode`.
    #[error(
        "{setting} names another machine and no sslmode; add ?sslmode=verify-full, or ?sslmode=disable in a private network"
    )]
    UnencryptedDatabase {
        /// The setting.
        setting: &'static str,
    },
    /// Two settings have no effect without each other.
    #[error("{0} and {1} are only used together; set both or neither")]
    IncompletePair(&'static str, &'static str),
    /// No callback would be accepted.
    #[error(
        "FLUX_KONTEXT_WEBHOOK_KEY is set, but fluxapi.ai does not sign its callbacks, so that all of them would be ignored; unset it for fluxapi.ai"
    )]
    UnsignedCallbacks,
    /// The secrets of `dev` cannot be stored.
    #[error(
        "the folder of PLANTAIN_DATA_DIR cannot be used ({0}); set it to a folder that you can write to"
    )]
    DataFolder(String),
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}
