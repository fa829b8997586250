//! A record of any topic.

use orders::{Offset, Partition};

use crate::incoming::Message;

/// A record, copied out of the client's memory. For large amounts there is [`crate::Chunk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    pub topic: String,
    pub partition: Partition,
    pub offset: Offset,
    /// Milliseconds since 1970; 0 if the record has no time stamp.
    pub appended_millis: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

impl OwnedRecord {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        Self {
            topic: message.topic().into_owned(),
            partition: message.partition(),
            offset: message.offset(),
            appended_millis: message.millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.value().map(<[u8]>::to_vec),
        }
    }
}
