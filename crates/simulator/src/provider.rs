//! The simulated providers.

/// A simulated provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// nanobananaapi.ai.
    NanoBanana,
    /// kie.ai or fluxapi.ai.
    FluxKontext,
    /// Ace Data Cloud.
    AceData,
}

impl Provider {
    /// All simulated providers.
    pub const ALL: [Self; 3] = [Self::NanoBanana, Self::FluxKontext, Self::AceData];

    /// Its name in the gateway's callback paths.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::NanoBanana => "nano-banana",
            Self::FluxKontext => "flux-kontext",
            Self::AceData => "ace-data",
        }
    }
}
