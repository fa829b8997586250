//! How a process ends: a contract with scripts and supervisors (README.md).

use std::error::Error;
use std::process::ExitCode;

use crate::Invalid;

/// The code a process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, also after SIGTERM.
    Done = 0,
    Unexpected = 1,
    /// Flags or settings that cannot work.
    Usage = 2,
    /// The log is not the one that was read so far, or has a gap.
    LogIdentity = 3,
    /// Another consumer group owns this database.
    OtherDeployment = 4,
    /// Too many records in a row became dead letters.
    CircuitBreaker = 5,
    /// The active build is of another projection version.
    ProjectionVersion = 6,
    /// A verification found a difference.
    Difference = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a process ends other than with [`Exit::Done`]: one line for the log.
///
/// `?` makes one of any error: [`Invalid`] ends with [`Exit::Usage`], everything else
/// with [`Exit::Unexpected`]. Say another code with [`Failure::with`].
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// For `map_err`: the error's chain, and the code to end with.
    pub fn with<E: Error>(exit: Exit) -> impl Fn(E) -> Self {
        move |error| Self { exit, message: chain(&error) }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: &(dyn Error + 'static) = &error;
        let exit = if error.is::<Invalid>() { Exit::Usage } else { Exit::Unexpected };
        Self { exit, message: chain(error) }
    }
}

/// An error with its causes, as one line. Causes that a text already repeats are
/// left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading the position")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn settings_end_with_usage_and_the_rest_with_unexpected() {
        let failure = Failure::from(Invalid::new("KAFKA_TOPIC", "is empty"));
        assert_eq!(failure.exit, Exit::Usage);
        let failure = Failure::from(Outer(std::io::Error::other("connection refused")));
        assert_eq!(failure.exit, Exit::Unexpected);
        assert_eq!(failure.message, "reading the position: connection refused");
    }
}
