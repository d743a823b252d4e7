//! The parts of a gateway that commands of the command line use, without serving requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::parts;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::Config;
use crate::domain::Catalog;
use crate::feed::Feed;
use crate::ids::Ids;
use crate::image_store::ImageStore;
use crate::providers::Registry;
use crate::store::{ReadStore, Stores};

/// What the command line works with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// What users and operators can do.
    pub commands: Commands,
    /// Reads from the database.
    pub reads: ReadStore,
    /// The database.
    pub stores: Stores,
    /// The models.
    pub catalog: Arc<Catalog>,
    /// The enabled providers.
    pub registry: Registry,
    /// The image store.
    pub image_store: ImageStore,
    /// The clock of this machine.
    pub clock: Clock,
}

impl Tools {
    /// Connects on first use.
    ///
    /// # Errors
    /// When a part cannot be set up; the message says which.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let stores = parts::stores(config)?;
        let Stores { clients, workers } = stores.clone();
        let (clock, ids) = (Clock::system(), Ids::random());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ctx = parts::worker_context(config, workers, address, clock.clone(), ids)?;
        let feed = Feed::new(ctx.store.reads(), clients.reads(), ctx.hints.clone());
        Ok(Self {
            commands: parts::commands(config, &ctx, &clients, &feed)?,
            reads: clients.reads(),
            stores,
            catalog: Arc::clone(&ctx.catalog),
            registry: ctx.registry.clone(),
            image_store: ctx.image_store.clone(),
            clock,
        })
    }
}
