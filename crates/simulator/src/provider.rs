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
}
