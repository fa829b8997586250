//! The records of an order in log order, and what each of them changed.

use orders::{EventType, Fact, Fields, LogOrder, Offset, OrderId, OrderState, Partition, Time};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::reader::{Answer, Kind, Reader, Statement};
use super::source::{CutParams, Values, within};
use crate::error::Error;
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

/// Some of an order's records, and those that the ones before them come down to.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// The winners among the records before this page: enough to fold on from there.
    pub before: Vec<HistoryRecord>,
    pub records: Vec<HistoryRecord>,
}

impl HistoryRecord {
    fn of(row: &Row) -> Result<Self, ReadError> {
        let event: &str = row.get("event");
        let event = event.parse().map_err(|error| {
            Error::Unusable(format!("order_history holds an event of another version: {error}"))
        })?;
        Ok(Self {
            at: LogOrder {
                appended_at: row.get::<_, Timestamptz>("appended_at").0,
                partition: Partition(row.get("partition")),
                offset: Offset(row.get("offset")),
            },
            event,
            sequence: row.get("sequence"),
            event_id: row.get("event_id"),
            occurred_at: row.get::<_, Timestamptz>("occurred_at").0,
            details: row.get("details"),
            trace_id: row.get("trace_id"),
            decision: row.get("decision"),
        })
    }

    /// What the merge sees of it.
    #[must_use]
    pub fn fact(&self) -> Fact<'_> {
        // jsonb printed it, so it is an object.
        let fields =
            self.details.as_deref().and_then(|json| Fields::from_object(json).ok()).unwrap_or_default();
        Fact {
            event: self.event,
            sequence: self.sequence,
            at: self.at,
            occurred_at: self.occurred_at,
            fields,
        }
    }
}

impl HistoryPage {
    /// The state before the first record of the page.
    #[must_use]
    pub fn state_before(&self) -> OrderState<'_> {
        let mut state = OrderState::default();
        self.before.iter().for_each(|record| state.add(record.fact()));
        state
    }
}

impl Reader {
    /// At most `limit` records in log order, beginning after `after`.
    pub async fn history(
        &self,
        id: &OrderId,
        after: Option<LogOrder>,
        limit: i64,
        cut: Option<&Cut>,
    ) -> Result<Answer<HistoryPage>, ReadError> {
        let everything = Cut::default();
        let within = within(cut.unwrap_or(&everything));
        let params = CutParams::of(cut.unwrap_or(&everything));
        let mut values = Values::of(Some(&params));
        let (time, partition, offset) = match after {
            Some(at) => (at.appended_at, at.partition.0, at.offset.0),
            // Before -infinity's partition 0.
            None => (Time::from_postgres(i64::MIN), -1, -1),
        };
        let (id, time) = (id.as_str(), Timestamptz(time));
        let columns = "h.appended_at, h.partition, h.\"offset\", h.event, h.sequence, h.event_id, h.occurred_at, \
             h.details::text AS details, h.trace_id, h.decision";
        let order = format!("h.order_id = {}", values.bind(&id, Type::TEXT));
        let place = "(h.appended_at, h.partition, h.\"offset\")";
        let after = format!(
            "({}, {}, {})",
            values.bind(&time, Type::TIMESTAMPTZ),
            values.bind(&partition, Type::INT4),
            values.bind(&offset, Type::INT8)
        );
        let limit = values.bind(&limit, Type::INT8);
        let text = format!(
            "/* views::read::history */
             (SELECT DISTINCT ON (h.event) {columns}, true AS before FROM {{build}}.order_history h
              WHERE {order} AND {within} AND {place} <= {after}
              ORDER BY h.event, h.sequence DESC, h.appended_at, h.partition, h.\"offset\")
             UNION ALL
             (SELECT {columns}, false AS before FROM {{build}}.order_history h
              WHERE {order} AND {within} AND {place} > {after}
              ORDER BY h.appended_at, h.partition, h.\"offset\" LIMIT {limit})
             ORDER BY before DESC, appended_at, partition, \"offset\""
        );
        let statement = Statement { kind: Kind::Prepared, text, values };
        let answer = self.read("reading the history of an order", cut, statement).await?;
        let mut page = HistoryPage::default();
        for row in &answer.value {
            let record = HistoryRecord::of(row)?;
            if row.get("before") { &mut page.before } else { &mut page.records }.push(record);
        }
        Ok(answer.map(|_| page))
    }
}
