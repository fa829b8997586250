//! A decision as a line of an export.

use serde::Serialize;
use views::decisions::Exported;

use crate::dead_letter::as_text;

/// All that the database knows of one decision: "rebuildable from offset 0" leaves these out.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionLine {
    pub decision: i64,
    /// retry, discard or accept_gap.
    pub kind: String,
    pub view: String,
    pub partition: i32,
    pub from_offset: i64,
    /// One past the last.
    pub to_offset: i64,
    pub reason: String,
    #[serde(serialize_with = "as_text")]
    pub decided_at: orders::Time,
    /// What the dead letter said when it was decided about.
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
