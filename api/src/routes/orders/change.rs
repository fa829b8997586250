//! What a record changed in its order: the difference between the order before and after it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use orders::{Fields, OrderRow, OrderState, Time};
use serde::Serialize;
use serde_json::Value;
use views::read::HistoryPage;

use super::body::RawJson;

/// The old and the new value of a field; null where the order does not have the field.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FieldChange)]
pub struct Change {
    #[schema(value_type = Value)]
    from: RawJson,
    #[schema(value_type = Value)]
    to: RawJson,
}

/// The changes of one record, by field.
pub type Changes = BTreeMap<String, Change>;

/// The changes of each record of the page, in its order.
pub fn of_page(order_id: &str, page: &HistoryPage) -> Result<Vec<Changes>, views::Error> {
    let fields_of = |state: &OrderState<'_>| match state.row() {
        Some(row) => fields(&row).map_err(|error| damaged(order_id, &error)),
        None => Ok(BTreeMap::new()),
    };
    let mut state = page.state_before()?;
    let mut before = fields_of(&state)?;
    let mut changes = Vec::with_capacity(page.records.len());
    for record in &page.records {
        state.add(record.fact()?);
        let after = fields_of(&state)?;
        changes.push(difference(&before, &after));
        before = after;
    }
    Ok(changes)
}

/// The fields of a row that are not null, as JSON texts. A field of `details` is named `details.NAME`.
fn fields(row: &OrderRow<'_>) -> Result<BTreeMap<String, String>, serde_json::Error> {
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
    let details = row.details.as_deref().map(Fields::from_object).transpose()?.unwrap_or_default();
    // If two fields have the same name, the last one counts, as in jsonb.
    fields.extend(details.iter().map(|(name, raw)| (format!("details.{name}"), raw.to_owned())));
    Ok(fields)
}

/// The merge of details that could be read can be read, so this is a mistake of the program.
fn damaged(order_id: &str, error: &serde_json::Error) -> views::Error {
    let cause = format!("the merge of its details is not a JSON object: {error}");
    views::Error::DamagedOrder { order_id: order_id.to_owned(), cause }
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Changes {
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
