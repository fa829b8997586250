//! One order as of a cut: its few records are read by the btree and merged here, by the
//! domain's own fold, for about the price of reading the order as it is now.

use orders::{Fact, Fields, LogOrder, Offset, OrderId, OrderRow, OrderState, Partition, text};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::order::Order;
use super::reader::{Answer, Kind, Reader, Statement};
use super::source::{CutParams, Values, fold, incomplete, incomplete_of, within};
use crate::error::Error;
use crate::sql::Timestamptz;

/// An order with more records is merged in SQL: memory stays bounded.
const MERGED_HERE: usize = 256;

impl Reader {
    pub(super) async fn order_as_of(
        &self,
        id: &OrderId,
        cut: &Cut,
    ) -> Result<Answer<Option<Order>>, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let order = id.as_str();
        let order = values.bind(&order, Type::TEXT);
        let (within, incomplete) = (within(cut), incomplete_of(&order, Some(cut)));
        let limit = MERGED_HERE + 1;
        let text = format!(
            "/* views::read::order_as_of */
             SELECT h.event, h.sequence, h.occurred_at, h.appended_at, h.partition, h.\"offset\", h.details::text,
                 {incomplete}
             FROM {{build}}.order_history h WHERE h.order_id = {order} AND {within} LIMIT {limit}"
        );
        let statement = Statement { kind: Kind::Prepared, text, values };
        let answer = self.read("reading an order as of a cut", Some(cut), statement).await?;
        if answer.value.len() > MERGED_HERE {
            return self.long_order_as_of(id, cut).await;
        }
        let merged = merge(id, &answer.value)?;
        Ok(answer.map(|_| merged))
    }

    async fn long_order_as_of(&self, id: &OrderId, cut: &Cut) -> Result<Answer<Option<Order>>, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let id = id.as_str();
        let id = values.bind(&id, Type::TEXT);
        let (columns, incomplete) = (Order::COLUMNS, incomplete(Some(cut)));
        let fold = fold(cut, &format!("AND h.order_id = {id}"), false);
        let text =
            format!("/* views::read::long_order_as_of */ SELECT {columns}, {incomplete} FROM ({fold}) o");
        let statement = Statement { kind: Kind::Planned, text, values };
        let rows = self.read("reading a long order as of a cut", Some(cut), statement).await?;
        Ok(rows.map(|rows| rows.first().map(Order::of)))
    }
}

fn merge(id: &OrderId, rows: &[Row]) -> Result<Option<Order>, ReadError> {
    let mut state = OrderState::default();
    for row in rows {
        state.add(fact(row)?);
    }
    Ok(state.row().map(|row| order(id, &row, rows.first().is_some_and(|row| row.get(7)))))
}

fn fact(row: &Row) -> Result<Fact<'_>, ReadError> {
    let event = row.get::<_, &str>(0).parse().map_err(|error| {
        Error::Unusable(format!("order_history holds an event of another version: {error}"))
    })?;
    let details: Option<&str> = row.get(6);
    // jsonb printed it, so it is an object.
    let fields = details.and_then(|json| Fields::from_object(json).ok()).unwrap_or_default();
    Ok(Fact {
        event,
        sequence: row.get(1),
        at: LogOrder {
            appended_at: row.get::<_, Timestamptz>(3).0,
            partition: Partition(row.get(4)),
            offset: Offset(row.get(5)),
        },
        occurred_at: row.get::<_, Timestamptz>(2).0,
        fields,
    })
}

fn order(id: &OrderId, row: &OrderRow<'_>, incomplete: bool) -> Order {
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(str::to_owned);
    Order {
        order_id: id.to_string(),
        status: row.status.to_string(),
        last_updated: row.last_updated,
        sequence: row.sequence,
        customer_id: text(&row.customer_id),
        restaurant_id: text(&row.restaurant_id),
        total_cents: row.total_cents,
        currency: text(&row.currency),
        created_at: row.created_at,
        paid_at: row.paid_at,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
        cancelled_at: row.cancelled_at,
        payment_method: text(&row.payment_method),
        courier_id: text(&row.courier_id),
        cancel_reason: text(&row.cancel_reason),
        details: row.details.as_deref().map(as_jsonb_prints),
        incomplete,
    }
}

/// An object whose values `jsonb` printed, as `jsonb` would print the whole: names by
/// length and then by bytes, the last of the same name.
fn as_jsonb_prints(object: &str) -> String {
    let fields = Fields::from_object(object).unwrap_or_default();
    let mut members: Vec<(&str, &str)> = Vec::new();
    for (name, raw) in fields.iter() {
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some(member) => member.1 = raw,
            None => members.push((name, raw)),
        }
    }
    members.sort_unstable_by_key(|(name, _)| (name.len(), *name));
    let mut printed = String::with_capacity(object.len() + members.len() * 2);
    for (name, raw) in members {
        printed.push_str(if printed.is_empty() { "{" } else { ", " });
        text::push_string(&mut printed, name);
        printed.push_str(": ");
        printed.push_str(raw);
    }
    printed.push('}');
    printed
}
