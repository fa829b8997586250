//! The result of a comparison.

use std::fmt;

use super::Differences;

#[derive(Debug)]
pub struct Report {
    pub topic: String,
    /// The schema of the active build.
    pub build: String,
    /// Records in the log below the positions.
    pub records: usize,
    pub history_rows: usize,
    pub dead_letters: usize,
    pub orders: usize,
    pub as_of_answers: usize,
    pub differences: Differences,
}

impl Report {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.count() == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, build, records, history_rows, dead_letters, orders, as_of_answers, differences } =
            self;
        write!(
            f,
            "{differences}topic {topic}, {build}: {records} records read, {history_rows} applied, {dead_letters} dead letters, \
             {orders} orders, {as_of_answers} as-of answers; {} differences",
            differences.count()
        )
    }
}
