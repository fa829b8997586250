//! How a process ends: a contract with scripts and supervisors (docs/configuration.md).

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::Invalid;

/// The code a process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; also a service that a signal ended in order.
    Done = 0,
    /// Any other error; a second signal, a panic, or a stop that took too long.
    Unexpected = 1,
    /// A flag or setting that cannot be used. The message goes to standard error like those of clap, not to the log.
    Usage = 2,
    /// The log is not the one that was read so far, has a gap, or holds a damaged batch.
    LogIdentity = 3,
    /// Another consumer group owns the database, the group follows another database, or another process has taken this one's
    /// place in the group or its transactional id.
    OtherDeployment = 4,
    /// Too many of the last records became dead letters.
    CircuitBreaker = 5,
    /// The active build has another projection version.
    ProjectionVersion = 6,
    /// A verification found a difference.
    Difference = 7,
    /// What the program was doing was cancelled by another one.
    Cancelled = 8,
    /// SIGINT ended the program before it had done what it was started for. Shells report a program that dies of a signal
    /// by 128 plus the number of the signal, so scripts know these two.
    Interrupted = 130,
    /// The same for SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a process ends other than with [`Exit::Done`], in one line.
///
/// `?` converts any error: [`Invalid`] ends with [`Exit::Usage`], everything else with [`Exit::Unexpected`].
/// [`Failure::with`] converts with another code.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// For `map_err`: the error with its causes, and the code to end with.
    pub fn with<E: Error>(exit: Exit) -> impl Fn(E) -> Self {
        move |error| Self { exit, message: chain(&error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: &(dyn Error + 'static) = &error;
        let exit = if error.is::<Invalid>() { Exit::Usage } else { Exit::Unexpected };
        Self { exit, message: chain(error) }
    }
}

/// An error and its causes, as one line.
///
/// Libraries leave it to the caller to print the causes of an error. Our own errors include their causes in
/// their text and have no source, so that nothing appears twice.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error in the style of libraries.
    #[derive(Debug, thiserror::Error)]
    #[error("reading the answer")]
    struct Foreign(#[source] std::io::Error);

    /// An error in our style.
    #[derive(Debug, thiserror::Error)]
    #[error("reading the position: {cause}")]
    struct Own {
        cause: std::io::Error,
    }

    fn refused() -> std::io::Error {
        std::io::Error::other("connection refused")
    }

    #[test]
    fn settings_end_with_usage_and_the_rest_with_unexpected() {
        let failure = Failure::from(Invalid::new("KAFKA_TOPIC", "is empty"));
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, "KAFKA_TOPIC is empty"));
        assert_eq!(Failure::from(refused()).exit, Exit::Unexpected);
        let failure = Failure::with(Exit::LogIdentity)(Own { cause: refused() });
        assert_eq!(failure.exit, Exit::LogIdentity);
    }

    #[test]
    fn every_cause_is_printed_once() {
        assert_eq!(Failure::from(Foreign(refused())).message, "reading the answer: connection refused");
        assert_eq!(
            Failure::from(Own { cause: refused() }).message,
            "reading the position: connection refused"
        );
    }
}
