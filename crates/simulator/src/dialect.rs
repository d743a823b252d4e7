//! The one place that knows which file speaks for which provider.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nano_banana::Generation;
use super::provider::Provider;
use super::world::{SimTask, World};
use super::{ace_data, flux_kontext, kie, nano_banana};

/// Whose wire a task is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Dialect {
    NanoBanana(Generation),
    FluxKontext,
    AceData,
}

/// A callback about to be posted.
pub(super) struct Outgoing {
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

    /// Says no, with a code of the kie family or its nearest equivalent.
    pub(super) fn refuse(self, code: i64, message: Option<&str>) -> Response {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::refuse(code, message),
            Self::AceData => ace_data::refuse(code, message),
        }
    }

    /// Says that a task was taken.
    pub(super) fn accept(self, world: &World, task: &SimTask, base: &str) -> Response {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::accept(task),
            Self::AceData => ace_data::accept(world, task, base),
        }
    }

    /// What is posted when a task is done.
    pub(super) fn callback(self, world: &World, task: &SimTask, base: &str) -> Outgoing {
        match self {
            Self::NanoBanana(generation) => nano_banana::callback(world, task, generation, base),
            Self::FluxKontext => flux_kontext::callback(world, task, base),
            Self::AceData => ace_data::callback(task, base),
        }
    }

    /// What a stranger would post to claim success.
    pub(super) fn forgery(self, id: &str, link: &str) -> Value {
        match self {
            Self::NanoBanana(_) | Self::FluxKontext => kie::forgery(id, link),
            Self::AceData => ace_data::forgery(id, link),
        }
    }
}
