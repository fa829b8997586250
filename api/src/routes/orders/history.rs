//! `GET /orders/{order_id}/history`.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::{EventType, LogOrder, Offset, OrderId, Partition, Status, Time};
use serde::{Deserialize, Serialize};
use views::read::{Cut, HistoryRecord};

use super::body::RawJson;
use super::change::{self, Change, Changes};
use super::{no_such_order, order_id};
use crate::answer::Freshness;
use crate::cursor::{self, CutPart};
use crate::cut::{self, CutParameters};
use crate::problem::{AnyRequest, AsOf, Named, Problem, Problems, Waiting};
use crate::query::{InQuery, MAX_LIMIT, Parameter, ParameterSet, Query, integer, text};
use crate::state::AppState;
use crate::wait::WaitParameters;

pub enum PageParameters {}

impl ParameterSet for PageParameters {
    const ALL: &'static [Parameter] = &[
        Parameter {
            name: "limit",
            about: "How many records a page may have.",
            schema: || integer(1, Some(MAX_LIMIT.into()), Some(MAX_LIMIT.into())),
        },
        Parameter {
            name: "cursor",
            about: "`next_cursor` of the page before. It carries the cut.",
            schema: text,
        },
    ];
}

/// The records of an order in log order: by append time, then partition, then offset.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = OrderHistory)]
pub struct History {
    #[schema(value_type = OrderId)]
    order_id: String,
    records: Vec<Record>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// One record of the log, and what it changed.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = OrderRecord)]
pub struct Record {
    #[schema(value_type = EventType)]
    event: &'static str,
    /// The status to which this event leads. `changed` tells whether the order got it.
    #[schema(value_type = Status)]
    status: &'static str,
    #[schema(minimum = 1)]
    sequence: i32,
    event_id: String,
    /// When the event says that it happened.
    occurred_at: Time,
    /// When the broker appended the record.
    appended_at: Time,
    #[schema(minimum = 0)]
    partition: i32,
    #[schema(minimum = 0)]
    offset: i64,
    /// The fields of the event that have no column of their own.
    #[schema(value_type = Object)]
    details: RawJson,
    /// The trace that the record's `traceparent` header names.
    #[schema(required)]
    trace_id: Option<String>,
    /// The number of the decision that admitted the record, if it was a dead letter before.
    #[schema(required)]
    decision: Option<i64>,
    /// The fields of the order that this record changed. Empty for a duplicate, and for a record that another one
    /// outranks.
    changed: BTreeMap<String, Change>,
}

/// Where a page ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    id: String,
    /// Append time, partition and offset of the last record of the page.
    k: (String, i32, i64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<CutPart>,
}

/// List the records of an order in log order, with what each of them changed
#[utoipa::path(
    get, path = "/orders/{order_id}/history", tag = "orders", operation_id = "getOrderHistory",
    params(
        ("order_id" = OrderId, Path),
        InQuery<PageParameters>, InQuery<CutParameters>, InQuery<WaitParameters>
    ),
    responses(
        (status = 200, description = "A page of the records.", body = History),
        Problems<AnyRequest>, Problems<Named>, Problems<AsOf>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = order_id(path)?;
    let known = [PageParameters::ALL, CutParameters::ALL, WaitParameters::ALL];
    let query = Query::parse(raw.as_deref(), &known)?;
    let limit = query.limit(MAX_LIMIT)?;
    let (after, cut) = start_of_page(&query, id.as_str())?;
    let answer = state
        .reader_for(&query, cut.as_ref())
        .await?
        .history(&id, after, i64::from(limit), cut.as_ref())
        .await?;
    let freshness = Freshness::of(&answer.head, &state.lag)
        .located(uri.path(), &query, Some(limit), answer.cut.as_ref())
        .in_turn(answer.turn);
    let page = answer.value;
    if page.records.is_empty() && after.is_none() {
        return Err(freshness.problem(no_such_order(&id, cut.is_some())));
    }
    let next_cursor = page.records.last().filter(|_| page.has_more).map(|last| {
        cursor::encode(&Cursor {
            id: id.to_string(),
            k: (last.at.appended_at.to_string(), last.at.partition.0, last.at.offset.0),
            cut: answer.cut.as_ref().map(CutPart::of),
        })
    });
    let changes = freshness.work(|| change::of_page(id.as_str(), &page))?;
    let records = page.records.into_iter().zip(changes).map(|(record, changed)| Record::of(record, changed));
    freshness.json(&History { order_id: id.to_string(), records: records.collect(), next_cursor })
}

/// The record after which the page begins, and the cut.
fn start_of_page(query: &Query, id: &str) -> Result<(Option<LogOrder>, Option<Cut>), Problem> {
    let cut = cut::parse(query)?;
    let Some(text) = query.get("cursor") else { return Ok((None, cut)) };
    let cursor: Cursor = cursor::decode(text)?;
    if cursor.id != id {
        return Err(Problem::bad_request("the cursor belongs to the history of another order"));
    }
    if cut.is_some() {
        return Err(Problem::bad_request(
            "the cursor carries its own cut; leave the cut out, or begin without a cursor",
        ));
    }
    let (appended_at, partition, offset) = cursor.k;
    let after = LogOrder {
        appended_at: appended_at.parse().map_err(|_| cursor::broken())?,
        partition: Partition(partition),
        offset: Offset(offset),
    };
    Ok((Some(after), cursor.cut.as_ref().map(CutPart::cut).transpose()?))
}

impl Record {
    fn of(record: HistoryRecord, changed: Changes) -> Self {
        Self {
            event: record.event.as_str(),
            status: record.event.status().as_str(),
            sequence: record.sequence,
            event_id: record.event_id,
            occurred_at: record.occurred_at,
            appended_at: record.at.appended_at,
            partition: record.at.partition.0,
            offset: record.at.offset.0,
            details: RawJson::object(record.details),
            trace_id: record.trace_id,
            decision: record.decision,
            changed,
        }
    }
}
