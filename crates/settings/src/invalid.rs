//! A setting that is refused.

/// A setting that cannot be used, with its name. Never repeats a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} {reason}")]
pub struct Invalid {
    /// The environment variable, such as `KAFKA_TOPIC`, whose flag is `--kafka-topic`; or the flag itself where
    /// there is no variable.
    pub variable: &'static str,
    /// Continues the sentence that begins with the variable: "is empty".
    pub reason: String,
}

impl Invalid {
    pub fn new(variable: &'static str, reason: impl Into<String>) -> Self {
        Self { variable, reason: reason.into() }
    }
}
