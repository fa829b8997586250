//! A decision as one line of an export.

use orders::Time;
use serde::Serialize;
use views::decisions::Exported;

/// Everything that the database knows about one decision. A rebuild from offset 0 cannot restore it, so it can
/// be exported.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionLine {
    pub decision: i64,
    /// `retry`, `discard`, `accept_gap` or `keep_history`.
    pub kind: String,
    pub view: String,
    pub partition: i32,
    pub from_offset: i64,
    /// One past the last offset.
    pub to_offset: i64,
    pub reason: String,
    pub decided_at: Time,
    /// The cause, error and order of the dead letter at the time of the decision.
    pub cause: Option<String>,
    pub error: Option<String>,
    pub order_id: Option<String>,
}

impl From<Exported> for DecisionLine {
    fn from(decision: Exported) -> Self {
        Self {
            decision: decision.id,
            kind: decision.kind,
            view: decision.view,
            partition: decision.partition,
            from_offset: decision.from_offset,
            to_offset: decision.to_offset,
            reason: decision.reason,
            decided_at: decision.decided_at,
            cause: decision.cause,
            error: decision.error,
            order_id: decision.order_id,
        }
    }
}
