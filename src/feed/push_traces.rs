//! Notes pushes in the traces of tasks.

use super::Feed;
use crate::domain::TaskId;
use crate::traces;

impl Feed {
    /// Notes in the traces of these tasks that an event was pushed.
    pub(super) async fn trace(&self, pushed: &[TaskId]) {
        if !traces::are_enabled() || pushed.is_empty() {
            return;
        }
        let found = self.reads.find_traces(pushed).await;
        for task in pushed {
            if let Some(trace_parent) = found.get(task) {
                let span =
                    tracing::info_span!("push", trace.id = tracing::field::Empty, task.id = %task);
                traces::continue_trace(&span, Some(trace_parent));
                span.in_scope(|| {});
            }
        }
    }
}
