//! Errors of Kafka as exit codes.

use event_log::Error;
use service::{Exit, Failure};

/// 4 if another process has taken this one's place, 3 if the log is at fault, else 1.
pub fn failure(error: Error) -> Failure {
    let exit = match &error {
        Error::Fenced { .. } | Error::FencedInstance | Error::UnreleasedInstance => Exit::OtherDeployment,
        error if error.is_about_the_log() => Exit::LogIdentity,
        _ => Exit::Unexpected,
    };
    Failure::with(exit)(error)
}
