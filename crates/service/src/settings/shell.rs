//! The settings that every program takes: those of its log, and how long stopping may take.

use std::time::Duration;

use clap::Args;

use super::{Invalid, Log, LogArgs, whole_number};
use crate::describe::DescribeArgs;

#[derive(Args, Clone, Debug)]
pub struct ShellArgs {
    #[command(flatten)]
    pub log: LogArgs,

    /// Seconds that finishing may take after SIGTERM or SIGINT before the process is ended
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "20")]
    pub shutdown_timeout_seconds: String,

    #[command(flatten)]
    pub describe: DescribeArgs,
}

#[derive(Clone, Debug)]
pub struct ShellSettings {
    pub log: Log,
    pub shutdown_timeout: Duration,
}

impl ShellArgs {
    pub fn validate(&self) -> Result<ShellSettings, Invalid> {
        let seconds = whole_number("SHUTDOWN_TIMEOUT_SECONDS", &self.shutdown_timeout_seconds, 1, 3600)?;
        Ok(ShellSettings { log: self.log.validate()?, shutdown_timeout: Duration::from_secs(seconds) })
    }
}
