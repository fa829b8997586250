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
    /// The best plan depends on the values.
    Planned,
    /// The same, but along an index, up to the few rows that are wanted: the planner does not see that
    /// the LIMIT applies to the fold, and would sort all of the history first.
    Streamed,
}

impl Kind {
    /// Begins the transaction of a statement of this kind.
    pub(super) fn begin(&self) -> &'static str {
        match self {
            Self::Prepared => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
            Self::Planned => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
            }
            Self::Streamed => {
                "/* views::read::statement::begin */ BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                 SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_bitmapscan = off"
            }
        }
    }
}
