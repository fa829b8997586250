//! The log: on standard error, as text or as one JSON object per line.

use std::io::IsTerminal;

use output::LogWriter;
use tracing_subscriber::EnvFilter;

use crate::settings::{Format, Invalid, Log};

/// Installs the log of this process. A second call has no effect.
pub fn init(log: &Log) -> Result<(), Invalid> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Invalid::new("RUST_LOG", format!("is {:?}, which is not a log filter: {error}", log.filter))
    })?;
    // Its internal errors would be printed by `eprintln!`, which panics if the log cannot be written.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(|| LogWriter);
    // This fails only if a log is installed already, as in tests.
    let _ = match log.format {
        Format::Text => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => logs.json().flatten_event(true).try_init(),
    };
    Ok(())
}
