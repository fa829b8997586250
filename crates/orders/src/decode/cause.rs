//! The causes of dead letters.

use std::fmt;
use std::str::FromStr;

/// Why a record is not an event that can be applied. [`Cause::as_str`] is what the column
/// `dead_letters.cause` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    EmptyValue,
    TooLarge,
    UnknownSchemaVersion,
    BadJson,
    NulCharacter,
    MissingField,
    WrongType,
    OutOfRange,
    UnknownEvent,
    StatusContradictsEvent,
    /// The schema registry has no schema with the id that the value begins with.
    UnknownSchema,
    /// The schema of the value is of a format that is not supported, such as Protobuf.
    UnsupportedSchema,
    /// The schema of the value is not valid, or uses what is not supported.
    UnreadableSchema,
    /// The value is not what its schema describes.
    SchemaMismatch,
    /// The record was decoded, but PostgreSQL refuses it.
    RefusedByDatabase,
}

impl Cause {
    pub const ALL: [Self; 15] = [
        Self::EmptyValue,
        Self::TooLarge,
        Self::UnknownSchemaVersion,
        Self::BadJson,
        Self::NulCharacter,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::UnknownEvent,
        Self::StatusContradictsEvent,
        Self::UnknownSchema,
        Self::UnsupportedSchema,
        Self::UnreadableSchema,
        Self::SchemaMismatch,
        Self::RefusedByDatabase,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyValue => "empty_value",
            Self::TooLarge => "too_large",
            Self::UnknownSchemaVersion => "unknown_schema_version",
            Self::BadJson => "bad_json",
            Self::NulCharacter => "nul_character",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::UnknownEvent => "unknown_event",
            Self::StatusContradictsEvent => "status_contradicts_event",
            Self::UnknownSchema => "unknown_schema",
            Self::UnsupportedSchema => "unsupported_schema",
            Self::UnreadableSchema => "unreadable_schema",
            Self::SchemaMismatch => "schema_mismatch",
            Self::RefusedByDatabase => "refused_by_database",
        }
    }
}

/// The text is not the name of a cause.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a cause of a dead letter; the causes are {known}", known = Cause::ALL.map(Cause::as_str).join(", "))]
pub struct UnknownCause(pub String);

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        let known = Self::ALL.into_iter().find(|cause| cause.as_str() == text);
        known.ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a record cannot be applied: what its dead letter says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {message}")]
pub struct Rejection {
    pub cause: Cause,
    pub message: String,
    /// The order that is incomplete without this record; `None` if it could not be read.
    pub order_id: Option<String>,
}

/// How long the message of a rejection may be, in bytes, with the mark of a cut.
pub const MAX_MESSAGE_BYTES: usize = 1024;

const CUT: &str = "… (cut)";

impl Rejection {
    /// A message that is too long is cut.
    #[must_use]
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES - CUT.len()));
            message.push_str(CUT);
        }
        Self { cause, message, order_id: None }
    }
}
