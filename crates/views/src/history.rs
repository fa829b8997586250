//! A row of table `order_history`: which columns it has, and how one is read. The only decoder, for
//! queries and COPY streams alike.

use orders::{Fact, Fields, LogOrder, Offset, Partition, Time};

use crate::error::{Error, Result};
use crate::row_values::RowValues;

macro_rules! fact_columns {
    () => {
        r#"order_id, partition, "offset", event, sequence, occurred_at, appended_at, details"#
    };
}

/// What [`FactRow::read`] reads, in its order.
pub(crate) const FACT_COLUMNS: &str = fact_columns!();

/// What [`HistoryRow::read`] reads, in its order: all of the table.
pub(crate) const HISTORY_COLUMNS: &str = concat!(fact_columns!(), ", status, event_id, trace_id, decision");

/// What the merge needs of a row. Text stays as it is stored: only [`FactRow::fact`] interprets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactRow<'a> {
    pub order_id: &'a str,
    pub at: LogOrder,
    pub event: &'a str,
    pub sequence: i32,
    pub occurred_at: Time,
    /// As `jsonb` prints it; `None`: the record has no other fields.
    pub details: Option<&'a str>,
}

/// A complete row: what the log says about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRow<'a> {
    pub fact_row: FactRow<'a>,
    pub status: &'a str,
    pub event_id: &'a str,
    pub trace_id: Option<&'a str>,
    /// Not from the log: the retry that admitted the record.
    pub decision: Option<i64>,
}

impl<'a> FactRow<'a> {
    pub(crate) fn read(values: &mut RowValues<'a>) -> Result<Self> {
        let order_id = values.text()?;
        let (partition, offset) = (Partition(values.i32()?), Offset(values.i64()?));
        let (event, sequence, occurred_at) = (values.text()?, values.i32()?, values.time()?);
        let at = LogOrder { appended_at: values.time()?, partition, offset };
        Ok(Self { order_id, at, event, sequence, occurred_at, details: values.json_or_null()? })
    }

    /// The record that the row stands for. [`Error::DamagedHistory`] if the event is unknown, the details are
    /// not a JSON object, or a number or a time is out of range, which this program never writes.
    pub fn fact(&self) -> Result<Fact<'a>> {
        let damaged = |cause: String| Error::DamagedHistory {
            partition: self.at.partition,
            offset: self.at.offset,
            cause,
        };
        if self.sequence < 1 {
            return Err(damaged(format!("column sequence is {}", self.sequence)));
        }
        for (column, time) in [("occurred_at", self.occurred_at), ("appended_at", self.at.appended_at)] {
            if !(Time::MIN..=Time::MAX).contains(&time) {
                return Err(damaged(format!("column {column} is out of range")));
            }
        }
        Ok(Fact {
            event: self.event.parse().map_err(|error| damaged(format!("column event: {error}")))?,
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

impl<'a> HistoryRow<'a> {
    pub(crate) fn read(values: &mut RowValues<'a>) -> Result<Self> {
        Ok(Self {
            fact_row: FactRow::read(values)?,
            status: values.text()?,
            event_id: values.text()?,
            trace_id: values.text_or_null()?,
            decision: values.i64_or_null()?,
        })
    }
}
