//! `GET /orders/{order_id}/history`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::Uri;
use axum::response::Response;
use orders::{Fields, LogOrder, Offset, OrderRow, Partition, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use views::read::{Cut, HistoryPage, HistoryRecord};

use super::body::RawJson;
use super::one::no_such_order;
use crate::answer::Freshness;
use crate::cursor::{self, CutPart};
use crate::cut;
use crate::openapi::{CutParams, PageParams, WaitParams};
use crate::problem::Problem;
use crate::query::{MAX_LIMIT, Query};
use crate::routes::order_id;
use crate::state::AppState;
use crate::wait;

/// The records of an order, in log order: by append time, then partition, then offset.
#[derive(Serialize, utoipa::ToSchema)]
pub struct History {
    order_id: String,
    records: Vec<Record>,
    /// For `cursor`, to get the next page; null: this was the last one.
    next_cursor: Option<String>,
}

/// One record of the log, and what it changed.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Record {
    #[schema(example = "OrderPaid")]
    event: &'static str,
    /// The status that this event leads to; whether the order got it, `changed` tells.
    #[schema(example = "paid")]
    status: &'static str,
    sequence: i32,
    event_id: String,
    /// When it happened, as the event says.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Time,
    /// When the broker appended it.
    #[schema(value_type = String, format = DateTime)]
    appended_at: Time,
    partition: i32,
    offset: i64,
    /// The event's other fields.
    #[schema(value_type = Object)]
    details: RawJson,
    trace_id: Option<String>,
    /// The retry that admitted it, if it was a dead letter before.
    decision: Option<i64>,
    /// Per field of the order that this record changed: what it was and what it became.
    /// Empty: a duplicate, or a record that a later one outranks.
    #[schema(value_type = Object, example = json!({"status": {"from": "pending", "to": "paid"}}))]
    changed: BTreeMap<String, Change>,
}

#[derive(Serialize)]
struct Change {
    from: RawJson,
    to: RawJson,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    id: String,
    /// Append time, partition and offset of the page's last record.
    k: (String, i32, i64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<CutPart>,
}

/// An order's records in log order, and what each of them changed
#[utoipa::path(
    get, path = "/orders/{order_id}/history", tag = "orders", operation_id = "getOrderHistory",
    params(("order_id" = String, Path, description = "1 to 128 characters"), PageParams, CutParams, WaitParams),
    responses((status = 200, description = "The records", body = History))
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = order_id(path)?;
    let query = Query::parse(raw.as_deref(), &[&["limit", "cursor"], cut::NAMES, wait::NAMES])?;
    let limit = query.limit(MAX_LIMIT)?;
    let (after, cut) = place(&query, id.as_str())?;
    let answer = state
        .reader_for(&query, cut.as_ref())
        .await?
        .history(&id, after, i64::from(limit) + 1, cut.as_ref())
        .await?;
    let freshness =
        Freshness::of(&answer.head, &state.lag).located(uri.path(), &query, Some(limit), answer.cut.as_ref());
    let mut page = answer.value;
    if page.records.is_empty() && after.is_none() {
        return Err(freshness.problem(no_such_order(&id, cut.is_some())));
    }
    let more = page.records.len() > limit as usize;
    page.records.truncate(limit as usize);
    let next_cursor = page.records.last().filter(|_| more).map(|last| {
        cursor::encode(&Cursor {
            id: id.to_string(),
            k: (last.at.appended_at.to_string(), last.at.partition.0, last.at.offset.0),
            cut: answer.cut.as_ref().map(CutPart::of),
        })
    });
    freshness.json(&History { order_id: id.to_string(), records: records(page)?, next_cursor })
}

fn place(query: &Query, id: &str) -> Result<(Option<LogOrder>, Option<Cut>), Problem> {
    let cut = cut::parse(query)?;
    let Some(text) = query.get("cursor") else { return Ok((None, cut)) };
    let cursor: Cursor = cursor::decode(text)?;
    if cursor.id != id {
        return Err(Problem::bad_request("the cursor is of another order's history"));
    }
    if cut.is_some() {
        return Err(Problem::bad_request(
            "a cursor carries its cut; leave the cut out, or begin without a cursor",
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

/// Folds from record to record and tells the differences.
fn records(page: HistoryPage) -> Result<Vec<Record>, views::Error> {
    let mut changes = Vec::with_capacity(page.records.len());
    let mut state = page.state_before()?;
    let mut before = state.row().as_ref().map(fields).unwrap_or_default();
    for record in &page.records {
        state.add(record.fact()?);
        let after = state.row().as_ref().map(fields).unwrap_or_default();
        changes.push(difference(&before, &after));
        before = after;
    }
    drop(state);
    Ok(page.records.into_iter().zip(changes).map(|(record, changed)| Record::of(record, changed)).collect())
}

impl Record {
    fn of(record: HistoryRecord, changed: BTreeMap<String, Change>) -> Self {
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

/// A row's fields that are not null, as JSON texts; those of `details` under `details.NAME`.
fn fields(row: &OrderRow<'_>) -> BTreeMap<String, String> {
    let time = |time: Option<Time>| time.map(|time| json(&time.to_string()));
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(json);
    let columns = [
        ("status", Some(json(row.status.as_str()))),
        ("last_updated", time(Some(row.last_updated))),
        ("sequence", Some(row.sequence.to_string())),
        ("customer_id", text(&row.customer_id)),
        ("restaurant_id", text(&row.restaurant_id)),
        ("total_cents", row.total_cents.map(|cents| cents.to_string())),
        ("currency", text(&row.currency)),
        ("created_at", time(row.created_at)),
        ("paid_at", time(row.paid_at)),
        ("shipped_at", time(row.shipped_at)),
        ("delivered_at", time(row.delivered_at)),
        ("cancelled_at", time(row.cancelled_at)),
        ("payment_method", text(&row.payment_method)),
        ("courier_id", text(&row.courier_id)),
        ("cancel_reason", text(&row.cancel_reason)),
    ];
    let mut fields: BTreeMap<_, _> =
        columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let details = row.details.as_deref().and_then(|json| Fields::from_object(json).ok()).unwrap_or_default();
    // Where a name comes twice the last one counts, as in jsonb.
    fields.extend(details.iter().map(|(name, raw)| (format!("details.{name}"), raw.to_owned())));
    fields
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

fn difference(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, Change> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let raw = |value: Option<&String>| RawJson(value.map_or("null", String::as_str).to_owned());
            (name.clone(), Change { from: raw(before.get(name)), to: raw(after.get(name)) })
        })
        .collect()
}
