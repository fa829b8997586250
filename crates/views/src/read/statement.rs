//! A statement of a read, and how it is planned.

use tokio_postgres::Row;

use super::source::Values;
use super::turns::LARGE_BYTES;

/// A statement with `{build}` in place of the schema. `{parts}` stands for the number of parts of the build's tables, `{part}`
/// for the end of the names of one of them.
pub(super) struct Statement<'a> {
    pub kind: Kind,
    pub text: String,
    pub values: Values<'a>,
}

const LACKS_DETAILS: &str = "lacks_details";

/// Whether a look-up has left large details out. Then it has to run again as [`Kind::LargePoint`].
pub(super) fn lacks_details(row: &Row) -> bool {
    row.get(LACKS_DETAILS)
}

/// Whether a statement is planned once, or each time for its values.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A look-up of a few small rows by key, planned once. It never takes long.
    Point,
    /// The same of rows that may be large.
    LargePoint,
    /// The records of an order, planned once. There may be any number of them.
    History,
    /// A scan of a few pages of a table, planned once. The planner does not see that the pages are few, and would start
    /// workers, which takes longer than they help.
    PreparedScan,
    /// A scan along an index up to the few rows that are wanted, planned once. The planner does not see that the scan
    /// ends early: it would sort all of the history first, and start workers.
    PreparedStream,
    /// A statement whose best plan depends on the values.
    Planned,
    /// A scan along an index up to the few rows that are wanted, whose best plan depends on the values.
    PlannedStream,
}

impl Kind {
    /// The columns of a look-up in which `details` is one of them, and one more for [`lacks_details`]: outside the gate, large
    /// details are not read.
    pub(super) fn guard(self, columns: &str, details: &str) -> (String, String) {
        match self {
            Self::Point => {
                // PostgreSQL knows the length without reading the value.
                let small = format!("CASE WHEN octet_length({details}) < {LARGE_BYTES} THEN {details} END");
                let is_large =
                    format!("(octet_length({details}) >= {LARGE_BYTES}) IS TRUE AS {LACKS_DETAILS}");
                (columns.replace(details, &small), is_large)
            }
            _ => (columns.to_owned(), format!("false AS {LACKS_DETAILS}")),
        }
    }

    pub(super) fn may_take_long(self) -> bool {
        !matches!(self, Self::Point)
    }

    /// However large they are, an answer has as many rows. A page of a history begins with up to five records from before
    /// the page, and has to go on by one.
    pub(super) fn min_rows(self) -> usize {
        if matches!(self, Self::History) { 6 } else { 1 }
    }

    pub(super) fn is_prepared(self) -> bool {
        matches!(
            self,
            Self::Point | Self::LargePoint | Self::History | Self::PreparedScan | Self::PreparedStream
        )
    }

    /// Begins the transaction of a statement of this kind.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Point | Self::LargePoint | Self::History => {
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
