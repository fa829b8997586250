//! Why the registry gave no usable answer. None of these makes a dead letter: the reader of the log waits.

use std::error::Error as _;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the schema registry at {registry} cannot be reached: {}", words(.cause))]
    Away { registry: String, cause: reqwest::Error },

    #[error("the schema registry at {registry} answers {status}: {answer}")]
    Failing { registry: String, status: u16, answer: String },

    #[error(
        "the schema registry at {registry} refuses the user ({status}); check SCHEMA_REGISTRY_USERNAME and \
         SCHEMA_REGISTRY_PASSWORD, and what that user may read"
    )]
    Forbidden { registry: String, status: u16 },

    /// Another program answers, or the path is wrong.
    #[error(
        "the server at {registry} is not a schema registry with Confluent's API ({status}: {answer}); check \
         SCHEMA_REGISTRY_URL, which ends with /apis/ccompat/v7 for Apicurio Registry"
    )]
    NoRegistry { registry: String, status: u16, answer: String },

    /// The schema is not one that the subject may have, by its rules.
    #[error("the schema registry at {registry} refuses the schema of subject {subject} ({status}): {answer}")]
    Refused { registry: String, subject: String, status: u16, answer: String },

    #[error(transparent)]
    Views(#[from] views::Error),
}

impl Error {
    /// The database's own error, if the database is to blame.
    pub fn into_views(self) -> std::result::Result<views::Error, Self> {
        match self {
            Self::Views(error) => Ok(error),
            other => Err(other),
        }
    }

    /// Whether it may pass by itself, such as while the registry restarts.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Away { .. } | Self::Failing { .. } => true,
            Self::Forbidden { .. } | Self::NoRegistry { .. } | Self::Refused { .. } => false,
            Self::Views(error) => error.recovery() == views::Recovery::Retry,
        }
    }
}

/// The error with its causes. Its URL is left out, because the message names the registry already.
fn words(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    match causes.pop() {
        // The innermost one says it, such as "Connection refused (os error 111)".
        Some(cause) => cause,
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None => "the request failed".to_owned(),
    }
}
