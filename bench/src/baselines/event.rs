//! An event as most programs parse it: a struct with the fields that they know, and a map of the others.

use orders::Time;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};
use serde::Deserialize;
use serde_json::{Map, Value};
use service::Failure;
use tokio_postgres::types::{Json, ToSql};
use views::sql::Timestamptz;

/// The columns of the baselines' history.
pub const COLUMNS: &str = "partition, \"offset\", order_id, event, status, sequence, event_id, occurred_at, \
                           appended_at, details, trace_id";

#[derive(Deserialize)]
struct Body {
    order_id: String,
    event: String,
    status: String,
    sequence: i32,
    event_id: String,
    occurred_at: String,
    #[serde(flatten)]
    details: Map<String, Value>,
}

pub struct Event {
    partition: i32,
    offset: i64,
    order_id: String,
    event: String,
    status: String,
    sequence: i32,
    event_id: String,
    occurred_at: Timestamptz,
    appended_at: Timestamptz,
    details: Json<Map<String, Value>>,
    trace_id: Option<String>,
}

impl Event {
    pub fn parse(message: &BorrowedMessage<'_>) -> Result<Self, Failure> {
        let body: Body = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let appended = message.timestamp().to_millis().unwrap_or_default();
        Ok(Self {
            partition: message.partition(),
            offset: message.offset(),
            order_id: body.order_id,
            event: body.event,
            status: body.status,
            sequence: body.sequence,
            event_id: body.event_id,
            occurred_at: Timestamptz(body.occurred_at.parse::<Time>()?),
            appended_at: Timestamptz(Time::from_millis(appended)),
            details: Json(body.details),
            trace_id: trace_id(message),
        })
    }

    /// The values of [`COLUMNS`], in their order.
    pub fn columns(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.partition,
            &self.offset,
            &self.order_id,
            &self.event,
            &self.status,
            &self.sequence,
            &self.event_id,
            &self.occurred_at,
            &self.appended_at,
            &self.details,
            &self.trace_id,
        ]
    }

    /// The parameters of `upsert_row.sql`, in their order.
    pub fn order_columns(&self) -> [&(dyn ToSql + Sync); 6] {
        [&self.order_id, &self.event, &self.status, &self.sequence, &self.occurred_at, &self.details]
    }
}

fn trace_id(message: &BorrowedMessage<'_>) -> Option<String> {
    let header = message.headers()?.iter().find(|header| header.key == "traceparent")?;
    let parent = std::str::from_utf8(header.value?).ok()?;
    parent.split('-').nth(1).map(str::to_owned)
}
