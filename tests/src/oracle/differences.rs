//! The differences between the log and the tables.

use std::fmt::{self, Display};

/// Further differences are counted, but not kept.
const MOST_KEPT: usize = 50;

#[derive(Debug, Default)]
pub struct Differences {
    kept: Vec<Difference>,
    count: usize,
}

#[derive(Debug)]
struct Difference {
    table: &'static str,
    key: String,
    column: &'static str,
    log: String,
    found: String,
}

impl Differences {
    /// `log` is the value that the log implies, `found` the value in the table.
    pub fn add(
        &mut self,
        table: &'static str,
        key: impl Display,
        column: &'static str,
        log: impl Display,
        found: impl Display,
    ) {
        self.count += 1;
        if self.kept.len() < MOST_KEPT {
            let (key, log, found) = (key.to_string(), log.to_string(), found.to_string());
            self.kept.push(Difference { table, key, column, log, found });
        }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Difference { table, key, column, log, found } in &self.kept {
            writeln!(f, "{table} {key}: {column} should be {log} according to the log, but is {found}")?;
        }
        match self.count - self.kept.len() {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}
