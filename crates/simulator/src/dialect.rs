//! Maps each provider API to the module that simulates it.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nano_banana::ModelGeneration;
use super::provider::Provider;
use super::state::{SimTask, SimulatorState};
use super::{ace_data, flux_kontext, kie, nano_banana};

/// The API that a task was submitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Dialect {
    NanoBanana(ModelGeneration),
    FluxKontext,
    AceData,
}

/// A callback to send.
pub(super) struct CallbackRequest {
    pub(super) body: Value,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Dialect {
    pub(super) const fn provider(self) -> Provider {
        match self {
            Self::NanoBanana(_) => Provider::NanoBanana,
            Self::FluxKontext => Provider::FluxKontext,
            Self::AceData => Provider::AceData,
        }
    }

    /// Rejects a call with a code of the kie family or its nearest equivalent.
    pub(super) fn reject(self, code: i64, message: Option<&str>) -> Response {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::reject(code, message),
            Self::AceData => ace_data::reject(code, message),
        }
    }

    /// Response for an accepted task.
    pub(super) fn accept(self, state: &SimulatorState, task: &SimTask, base: &str) -> Response {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::accept(task),
            Self::AceData => ace_data::accept(state, task, base),
        }
    }

    /// The callback of a finished task.
    pub(super) fn callback(
        self,
        state: &SimulatorState,
        task: &SimTask,
        base: &str,
    ) -> CallbackRequest {
        match self {
            Self::NanoBanana(generation) => nano_banana::callback(state, task, generation, base),
            Self::FluxKontext => flux_kontext::callback(state, task, base),
            Self::AceData => ace_data::callback(task, base),
        }
    }

    /// Body of a forged callback that reports success.
    pub(super) fn forgery(self, id: &str, link: &str) -> Value {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::forgery(id, link),
            Self::AceData => ace_data::forgery(id, link),
        }
    }
}
