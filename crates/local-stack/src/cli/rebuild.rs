//! `rebuild` runs replay-rebuild on the running stack.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::args::Passed;
use super::folder::DataFolder;
use super::service::{require_built, sibling};
use crate::error::{Attempt, Result};

const PROGRAM: &str = "replay-rebuild";

pub fn rebuild(passed: &Passed) -> Result<ExitCode> {
    require_built(PROGRAM)?;
    let mut command = Command::new(sibling(PROGRAM)?);
    command.args(&passed.arguments);
    if !passed.asks_for_help(&["-h", "-V"]) {
        let otherwise = "On servers of your own, run replay-rebuild with their addresses";
        let state = DataFolder::new(&passed.folder.path)?.require_state(otherwise)?;
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", &state.kafka.address)
            .env("KAFKA_TOPIC", &state.topic)
            .env("DATABASE_URL", &state.postgres.address);
        if let Some(registry) = &state.registry {
            command.env("SCHEMA_REGISTRY_URL", &registry.address);
        }
    }
    // `exec` returns only if it fails.
    Err(command.exec()).attempt(format!("running {PROGRAM}"))
}
