//! Where what the command prints goes.

use serde::Serialize;
use service::Failure;

/// With `--json`, standard output has one JSON object, and all that is for people goes to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    pub json: bool,
}

impl Printer {
    /// Text for people. If it cannot be written, the rebuild goes on without it.
    pub fn say(self, text: &str) {
        match self.json {
            true => output::note!("{text}"),
            false => output::say!("{text}"),
        }
    }

    /// What came of the command.
    pub fn result(self, document: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            output::data(&serde_json::to_string(document)?)?;
        }
        Ok(())
    }
}
