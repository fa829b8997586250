//! The records of an order in log order, and what each of them changed.

use orders::{EventType, Fact, LogOrder, OrderId, Time, print_object};
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::reader::{Answer, Reader};
use super::source::{CutParams, Values, within};
use super::statement::{Kind, Statement};
use crate::error::Error;
use crate::history::{FactRow, HISTORY_COLUMNS, HistoryRow};
use crate::row_values::RowValues;
use crate::sql::Timestamptz;

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    pub at: LogOrder,
    pub event: EventType,
    pub sequence: i32,
    pub event_id: String,
    pub occurred_at: Time,
    /// A JSON object of all other fields, as `jsonb` prints it.
    pub details: Option<String>,
    pub trace_id: Option<String>,
    /// The retry that admitted it.
    pub decision: Option<i64>,
}

/// Some of an order's records, and what the ones before them come down to.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// The winners among the records before this page: enough to fold on from there.
    pub before: Vec<HistoryRecord>,
    pub records: Vec<HistoryRecord>,
    pub has_more: bool,
}

impl HistoryRecord {
    fn of(row: &HistoryRow<'_>) -> Result<Self, Error> {
        let fact_row = row.fact_row;
        let details = fact_row.details.map(print_object).transpose();
        Ok(Self {
            at: fact_row.at,
            event: fact_row.fact()?.event,
            sequence: fact_row.sequence,
            event_id: row.event_id.to_string(),
            occurred_at: fact_row.occurred_at,
            details: details.map_err(|error| fact_row.damaged(format!("column details: {error}")))?,
            trace_id: row.trace_id.map(|id| id.to_string()),
            decision: row.decision,
        })
    }

    /// What the merge needs of it. [`Error::DamagedHistory`] if its details are not a JSON object.
    pub fn fact(&self) -> Result<Fact<'_>, Error> {
        // The order's id is not part of a fact.
        let (order_id, event) = ("", self.event.code());
        let Self { at, sequence, occurred_at, .. } = *self;
        FactRow { order_id, at, event, sequence, occurred_at, details: self.details.as_deref() }.fact()
    }
}

impl Reader {
    /// At most `limit` records in log order, beginning after `after`; fewer if they are large.
    pub async fn history(
        &self,
        id: &OrderId,
        after: Option<LogOrder>,
        limit: i64,
        cut: Option<&Cut>,
    ) -> Result<Answer<HistoryPage>, ReadError> {
        let params = cut.map(CutParams::of);
        let within = cut.map_or("true".to_owned(), within);
        let mut values = Values::of(params.as_ref());
        let id = id.as_str();
        let order = format!("h.order_id = {}", values.bind(&id, Type::TEXT));
        let one_more = limit.saturating_add(1);
        let places = values.bind(&one_more, Type::INT8);
        let position = "(h.appended_at, h.partition, h.\"offset\")";
        let at = after.map(|at| (Timestamptz(at.appended_at), at.partition.0, at.offset.0));
        let page = |only: &str| {
            format!(
                "(SELECT {HISTORY_COLUMNS}, false AS before FROM {{build}}.order_history h
                  WHERE {order} AND {within}{only}
                  ORDER BY h.appended_at, h.partition, h.\"offset\" LIMIT {places})"
            )
        };
        let text = match &at {
            None => format!("/* views::read::history::history */ {}", page("")),
            Some((time, partition, offset)) => {
                let after = format!(
                    "({}, {}, {})",
                    values.bind(time, Type::TIMESTAMPTZ),
                    values.bind(partition, Type::INT4),
                    values.bind(offset, Type::INT8)
                );
                format!(
                    "/* views::read::history::history */
                     (SELECT DISTINCT ON (h.event) {HISTORY_COLUMNS}, true AS before FROM {{build}}.order_history h
                      WHERE {order} AND {within} AND {position} <= {after}
                      ORDER BY h.event, h.sequence DESC, h.appended_at, h.partition, h.\"offset\")
                     UNION ALL {}
                     ORDER BY before DESC, appended_at, partition, \"offset\"",
                    page(&format!(" AND {position} > {after}"))
                )
            }
        };
        let statement = Statement { kind: Kind::History, text, values };
        let answer = self.read("reading the history of an order", cut, statement).await?;
        answer.try_map(|rows| {
            let (mut before, mut records) = (Vec::new(), Vec::new());
            for row in rows.iter() {
                // One record more than wanted tells that there are more, and is not looked at.
                if records.len() as i64 == limit {
                    return Ok(HistoryPage { before, records, has_more: true });
                }
                let mut values = RowValues::of_query(row);
                let record = HistoryRecord::of(&HistoryRow::read(&mut values)?)?;
                if values.bool()? { &mut before } else { &mut records }.push(record);
            }
            let has_more = rows.are_cut_short;
            Ok(HistoryPage { before, records, has_more })
        })
    }
}
