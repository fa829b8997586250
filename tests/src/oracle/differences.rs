//! What was found to differ.

use std::fmt::{self, Display};

/// More are counted, not kept.
const KEPT: usize = 50;

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
    /// `log` is what the log implies, `found` what stands in the table.
    pub fn add(
        &mut self,
        table: &'static str,
        key: impl Display,
        column: &'static str,
        log: impl Display,
        found: impl Display,
    ) {
        self.count += 1;
        if self.kept.len() < KEPT {
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
            writeln!(f, "{table} {key}: {column}: by the log {log}, found {found}")?;
        }
        match self.count - self.kept.len() {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}
