//! Subscriptions whose items write themselves ([`crate::write`]). Nothing of async-graphql and no Tokio task stays
//! in memory for them: a subscriber costs the stream of its items.

use std::any::Any;
use std::sync::Arc;

use async_graphql::{Error, InputType};
use futures_util::stream::BoxStream;

use super::plan::{Plan, PlannedField};
use super::write::{SharedData, Unwritable, WriteJson, Writer};

/// The items of a subscription. The stream ends after its first error.
///
/// It is not polled while its client does not read, even when it already waits for something. So what it waits for
/// must not hold a connection, a permit or a lock: read in a Tokio task.
pub type WrittenItems = BoxStream<'static, Result<Box<dyn WriteJson + Send>, Error>>;

/// Starts the subscription of a root field; `None` when async-graphql must execute it. Must not panic.
pub type StartSubscription = dyn Fn(&SubscriptionField<'_>) -> Option<WrittenItems> + Send + Sync;

/// The root field of a subscription, with its arguments and its viewer.
pub struct SubscriptionField<'a> {
    field: &'a PlannedField,
    plan: &'a Plan,
    viewer: Option<&'a (dyn Any + Send + Sync)>,
}

impl<'a> SubscriptionField<'a> {
    pub(crate) fn new<V: Any + Send + Sync>(
        field: &'a PlannedField,
        plan: &'a Plan,
        viewer: Option<&'a V>,
    ) -> Self {
        let viewer = viewer.map(|viewer| viewer as &(dyn Any + Send + Sync));
        Self { field, plan, viewer }
    }

    /// The name of the field in the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field.name()
    }

    /// The value of an argument; `None` when it is omitted: a default of the schema is not applied.
    ///
    /// # Errors
    /// When the type does not accept the value.
    pub fn argument<T: InputType>(&self, name: &str) -> Result<Option<T>, Unwritable> {
        self.plan.argument(self.field, name)
    }

    /// The authenticated user; `None` without a token.
    #[must_use]
    pub fn viewer<V: Any>(&self) -> Option<&'a V> {
        self.viewer?.downcast_ref()
    }
}

/// How an engine executes subscriptions whose items write themselves.
#[derive(Clone)]
pub(crate) struct WrittenSubscriptions {
    pub(crate) shared: SharedData,
    pub(crate) start: Arc<StartSubscription>,
}

impl WrittenSubscriptions {
    /// The response with this item.
    ///
    /// # Errors
    /// When the item cannot be written.
    pub(crate) fn write(
        &self,
        field: &PlannedField,
        plan: &Plan,
        item: &dyn WriteJson,
    ) -> Result<String, Unwritable> {
        let mut writer = Writer::new(&self.shared, plan);
        writer.response(field, |writer| item.write(field.selection_plan(), writer))?;
        String::from_utf8(writer.into_json()).map_err(|_| Unwritable::Unsupported)
    }
}
