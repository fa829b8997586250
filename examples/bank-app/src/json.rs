//! Records as JSON: what is decoded is valid, or the text says why not.

use garde::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;

const LONGEST_PROBLEM: usize = 200;

/// The value of a record. The problem of one that cannot be read is bounded and free of control characters, since it goes into
/// records and onto terminals.
pub fn decode<T: DeserializeOwned + Validate<Context = ()>>(value: Option<&[u8]>) -> Result<T, String> {
    let decoded = serde_json::from_slice::<T>(value.unwrap_or_default()).map_err(|error| error.to_string());
    let valid = decoded.and_then(|value| match value.validate() {
        Ok(()) => Ok(value),
        Err(report) => Err(report.to_string()),
    });
    valid.map_err(|problem| {
        let lines: Vec<_> = problem.lines().collect();
        lines.join("; ").chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_PROBLEM).collect()
    })
}

pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(value)
}
