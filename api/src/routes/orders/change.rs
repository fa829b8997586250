//! What a record changed in its order: the difference between the order before and after it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use orders::{Fact, Fields, OrderRow, OrderState, Time};
use serde::Serialize;
use serde_json::Value;
use views::read::HistoryPage;

use super::body::RawJson;
use super::field_texts::FieldTexts;

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
    let mut winners = Winners::default();
    for record in &page.before {
        winners.add(order_id, record.fact()?)?;
    }
    page.records.iter().map(|record| winners.add(order_id, record.fact()?)).collect()
}

/// The merge of an order's records, kept apart by event type, so that a record is compared only with the one that it
/// outranks: whatever fields the others have, it does not touch them.
#[derive(Default)]
struct Winners<'a>([Option<Winner<'a>>; 5]);

struct Winner<'a> {
    /// Without its fields.
    rank: Fact<'a>,
    fields: FieldTexts,
}

impl<'a> Winners<'a> {
    fn add(&mut self, order_id: &str, fact: Fact<'a>) -> Result<Changes, views::Error> {
        let place = fact.event.index();
        if self.0[place].as_ref().is_some_and(|winner| !fact.outranks(&winner.rank)) {
            return Ok(Changes::new());
        }
        let rank = fact.without_fields();
        let mut alone = OrderState::default();
        alone.add(fact);
        let fields = match alone.row() {
            Some(row) => fields(&row).map_err(|error| damaged(order_id, &error))?,
            None => FieldTexts::default(),
        };
        let before = self.0[place].replace(Winner { rank, fields });
        let others =
            || self.0.iter().enumerate().filter(|(index, _)| *index != place).map(|(_, other)| other);
        let value = |winner, name| value(others().chain([winner]).flatten(), name);
        let after = &self.0[place];
        let lacks = |name: &&str| after.iter().all(|winner| winner.fields.get(name).is_none());
        let gone = before.iter().flat_map(|winner| winner.fields.names()).filter(lacks);
        let mut changes = Changes::new();
        for name in after.iter().flat_map(|winner| winner.fields.names()).chain(gone) {
            let (from, to) = (value(&before, name), value(after, name));
            if from != to {
                let raw = |value: Option<&str>| RawJson(value.unwrap_or("null").to_owned());
                changes.insert(name.to_owned(), Change { from: raw(from), to: raw(to) });
            }
        }
        Ok(changes)
    }
}

/// The field as the order has it: of several winners that have it, the one of the highest rank counts.
fn value<'w>(winners: impl Iterator<Item = &'w Winner<'w>>, name: &str) -> Option<&'w str> {
    let have = winners.filter_map(|winner| Some((&winner.rank, winner.fields.get(name)?)));
    let best = have.reduce(|best, other| if other.0.outranks(best.0) { other } else { best });
    best.map(|(_, value)| value)
}

/// The fields of a row that are not null, as JSON texts. A field of `details` is named `details.NAME`.
fn fields(row: &OrderRow<'_>) -> Result<FieldTexts, serde_json::Error> {
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
    let columns = columns.iter().filter_map(|(name, value)| Some((("", *name), value.as_deref()?)));
    let details = row.details.as_deref().map(Fields::from_object).transpose()?.unwrap_or_default();
    Ok(FieldTexts::of(columns.chain(details.iter().map(|(name, raw)| (("details.", name), raw)))))
}

/// The merge of details that could be read can be read, so this is a mistake of the program.
fn damaged(order_id: &str, error: &serde_json::Error) -> views::Error {
    let cause = format!("the merge of its details is not a JSON object: {error}");
    views::Error::DamagedOrder { order_id: order_id.to_owned(), cause }
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}
