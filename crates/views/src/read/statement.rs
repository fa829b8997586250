//! A statement of a read, and how it is planned.

use super::source::Values;

/// A statement with `{build}` in place of the schema.
pub(super) struct Statement<'a> {
    pub kind: Kind,
    pub text: String,
    pub values: Values<'a>,
}

/// Whether a statement is planned once, or each time for its values.
pub(super) enum Kind {
    /// A look-up by key: the same text over and over.
    Prepared,
    /// The same for a few pages of a table: the planner does not see that they are few, and would start workers, which
    /// takes longer than they help.
    PreparedScan,
    /// The same along an index, up to the few rows that are wanted: the planner would also sort all of the history first.
    PreparedStream,
    /// The best plan depends on the values.
    Planned,
    /// The same along an index, as above.
    PlannedStream,
}

impl Kind {
    pub(super) fn is_prepared(&self) -> bool {
        matches!(self, Self::Prepared | Self::PreparedScan | Self::PreparedStream)
    }

    /// Begins the transaction of a statement of this kind.
    pub(super) fn begin(&self) -> &'static str {
        match self {
            Self::Prepared => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
            Self::PreparedScan => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL max_parallel_workers_per_gather = 0"
            }
            Self::PreparedStream => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_bitmapscan = off"
            }
            Self::Planned => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
            }
            Self::PlannedStream => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_bitmapscan = off"
            }
        }
    }
}
