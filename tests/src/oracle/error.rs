//! Why a comparison could not be made.
//!
//! Every message contains the words of its cause, which is therefore not its `source`.

use super::Offsets;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka did not answer, or refused something.
    #[error("reading the log failed: {cause}")]
    Kafka { cause: rdkafka::error::KafkaError },
    /// Records before `begin` were deleted, so the log cannot be folded.
    #[error("partition {partition} begins at offset {begin}, so the records before it cannot be compared")]
    Truncated { partition: i32, begin: i64 },
    /// The broker stopped sending records.
    #[error(
        "no records arrived for {seconds} s, although the partitions and offsets {missing:?} were not reached"
    )]
    NothingRead { seconds: u64, missing: Offsets },
    /// The thread that reads the log panicked.
    #[error("the thread that reads the log panicked: {cause}")]
    ReaderPanicked { cause: tokio::task::JoinError },
    /// PostgreSQL did not answer, or refused something.
    #[error("reading the tables failed: {}", service::exit::chain(.cause))]
    Postgres { cause: tokio_postgres::Error },
    /// PostgreSQL could not be reached.
    #[error(transparent)]
    Connect(#[from] local_stack::Error),
    /// The API's address is not a URL.
    #[error("the API's address {url} is not a URL: {cause}")]
    ApiUrl { url: String, cause: String },
    /// The API did not answer.
    #[error("asking the API failed: {}", service::exit::chain(.cause))]
    Api { cause: reqwest::Error },
}

// Not by thiserror's `from`, which would make the cause a source as well.
impl From<rdkafka::error::KafkaError> for Error {
    fn from(cause: rdkafka::error::KafkaError) -> Self {
        Self::Kafka { cause }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(cause: tokio_postgres::Error) -> Self {
        Self::Postgres { cause }
    }
}

impl From<reqwest::Error> for Error {
    fn from(cause: reqwest::Error) -> Self {
        Self::Api { cause }
    }
}
