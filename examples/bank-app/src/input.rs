//! A record of an input topic, without its topic.

use event_log::{Offset, OwnedRecord, Partition};

#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub partition: Partition,
    pub offset: Offset,
    /// When it was appended to the log: the only time that the rules know.
    pub at_ms: i64,
    pub value: Option<&'a [u8]>,
}

impl<'a> Input<'a> {
    pub fn of(record: &'a OwnedRecord) -> Self {
        Self {
            partition: record.partition,
            offset: record.offset,
            at_ms: record.appended_millis,
            value: record.value.as_deref(),
        }
    }
}
