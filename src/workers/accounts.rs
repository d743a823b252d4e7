//! Compares the totals of users with their ledger, some users in each run.

use std::sync::Arc;

use super::WorkerContext;
use crate::store::{StoreError, within_deadline};

const USERS_PER_RUN: u32 = 50;

pub(super) async fn run(ctx: Arc<WorkerContext>) -> Result<(), StoreError> {
    let checked = ctx.store.check_accounts(USERS_PER_RUN, ctx.clock.now());
    let unbalanced = within_deadline(checked).await?;
    if unbalanced > 0 {
        tracing::error!(
            users = unbalanced,
            "the totals of users differ from their ledger, see `plantain doctor`"
        );
    }
    Ok(())
}
