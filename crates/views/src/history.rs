//! A row of table `order_history`: which columns it has, and how one is read. The only decoder, for
//! queries and COPY streams alike.

use std::borrow::Cow;

use orders::{EventType, Fact, Fields, LogOrder, Offset, Partition, Time};

use crate::error::{Error, Result};
use crate::event_id::EventId;
use crate::row_values::RowValues;
use crate::trace_id::TraceId;

macro_rules! fact_columns {
    () => {
        r#"order_id, partition, "offset", event, sequence, occurred_at, appended_at, details"#
    };
}

/// What [`FactRow::read`] reads, in its order.
pub(crate) const FACT_COLUMNS: &str = fact_columns!();

/// What [`HistoryRow::read`] reads, in its order: all of the table.
pub(crate) const HISTORY_COLUMNS: &str =
    concat!(fact_columns!(), ", event_id, other_event_id, trace_id, other_trace_id, decision");

/// What the merge needs of a row. It stays as it is stored: only [`FactRow::fact`] interprets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactRow<'a> {
    pub order_id: &'a str,
    pub at: LogOrder,
    /// See [`EventType::code`].
    pub event: u8,
    pub sequence: i32,
    pub occurred_at: Time,
    /// A JSON object as the log has it; `None`: the record has no other fields.
    pub details: Option<&'a str>,
}

/// A complete row: what the log says about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow<'a> {
    pub fact_row: FactRow<'a>,
    pub event_id: EventId<'a>,
    pub trace_id: Option<TraceId<'a>>,
    /// Not from the log: the retry that admitted the record.
    pub decision: Option<i64>,
}

impl<'a> FactRow<'a> {
    pub(crate) fn read(values: &mut RowValues<'a>) -> Result<Self> {
        let order_id = values.text()?;
        let (partition, offset) = (Partition(values.i32()?), Offset(values.i64()?));
        let (event, sequence, occurred_at) = (values.code()?, values.i32()?, values.time()?);
        let at = LogOrder { appended_at: values.time()?, partition, offset };
        Ok(Self { order_id, at, event, sequence, occurred_at, details: values.text_or_null()? })
    }

    #[must_use]
    pub fn event_type(&self) -> Option<EventType> {
        EventType::of_code(self.event)
    }

    /// The record that the row stands for. [`Error::DamagedHistory`] if the event is unknown, the details are
    /// not a JSON object, or a number or a time is out of range, which this program never writes.
    pub fn fact(&self) -> Result<Fact<'a>> {
        let damaged = |cause| self.damaged(cause);
        if self.sequence < 1 {
            return Err(damaged(format!("column sequence is {}", self.sequence)));
        }
        for (column, time) in [("occurred_at", self.occurred_at), ("appended_at", self.at.appended_at)] {
            if !(Time::MIN..=Time::MAX).contains(&time) {
                return Err(damaged(format!("column {column} is out of range")));
            }
        }
        Ok(Fact {
            event: self.event_type().ok_or_else(|| {
                let code = char::from(self.event);
                damaged(format!("column event: {code:?} stands for no event"))
            })?,
            sequence: self.sequence,
            at: self.at,
            occurred_at: self.occurred_at,
            fields: match self.details {
                None => Fields::default(),
                Some(json) => Fields::from_object(json)
                    .map_err(|error| damaged(format!("column details is not a JSON object: {error}")))?,
            },
        })
    }
}

impl FactRow<'_> {
    pub(crate) fn damaged(&self, cause: String) -> Error {
        Error::DamagedHistory { partition: self.at.partition, offset: self.at.offset, cause }
    }
}

impl<'a> HistoryRow<'a> {
    pub(crate) fn read(values: &mut RowValues<'a>) -> Result<Self> {
        let fact_row = FactRow::read(values)?;
        let event_id = match (values.uuid_or_null()?, values.text_or_null()?) {
            (Some(uuid), None) => EventId::Uuid(uuid),
            (None, Some(text)) => EventId::Other(Cow::Borrowed(text)),
            (None, None) => return Err(fact_row.damaged("it has no event id".into())),
            (Some(_), Some(_)) => return Err(fact_row.damaged("it has two event ids".into())),
        };
        let trace_id = match (values.uuid_or_null()?, values.text_or_null()?) {
            (Some(uuid), None) => Some(TraceId::Uuid(uuid)),
            (None, other) => other.map(TraceId::Other),
            (Some(_), Some(_)) => return Err(fact_row.damaged("it has two trace ids".into())),
        };
        Ok(Self { fact_row, event_id, trace_id, decision: values.i64_or_null()? })
    }
}
