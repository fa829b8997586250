//! The columns of one order: which of them differ from what its history gives.

use std::borrow::Cow;

use orders::{OrderRow, Time, print_object};
use views::rebuild::OrderContent;

use crate::differences::{Difference, Differences};

pub(super) fn compare(
    order_id: &str,
    expected: &OrderContent<'_>,
    found: &OrderContent<'_>,
    differences: &mut Differences,
) {
    let same_details = are_same_details(expected.row.details.as_deref(), found.row.details.as_deref());
    if same_details
        && expected.winners == found.winners
        && are_equal_but_for_details(&expected.row, &found.row)
    {
        return;
    }
    for ((column, expected), (_, found)) in texts(expected).into_iter().zip(texts(found)) {
        if expected != found && !(same_details && column == "details") {
            differences.push(Difference {
                table: "orders".into(),
                order_id: Some(order_id.into()),
                column: Some(column.into()),
                expected,
                found,
                ..Difference::default()
            });
        }
    }
}

/// By meaning: where later events were appended to a row, its members are in another order than in the fold, and some are
/// replaced by later ones of the same name. Text that cannot be read equals nothing but itself.
fn are_same_details(expected: Option<&str>, found: Option<&str>) -> bool {
    let printed = |text: Option<&str>| text.and_then(|text| print_object(text).ok());
    expected == found || printed(expected).is_some_and(|expected| printed(found) == Some(expected))
}

/// Whether all columns but `details` are equal. Spelled out, because nearly every order is
/// equal, and texts would be allocated for each.
fn are_equal_but_for_details(one: &OrderRow<'_>, other: &OrderRow<'_>) -> bool {
    (one.status, one.last_updated, one.sequence) == (other.status, other.last_updated, other.sequence)
        && one.customer_id == other.customer_id
        && one.restaurant_id == other.restaurant_id
        && one.total_cents == other.total_cents
        && one.currency == other.currency
        && (one.created_at, one.paid_at, one.shipped_at)
            == (other.created_at, other.paid_at, other.shipped_at)
        && (one.delivered_at, one.cancelled_at) == (other.delivered_at, other.cancelled_at)
        && one.payment_method == other.payment_method
        && one.courier_id == other.courier_id
        && one.cancel_reason == other.cancel_reason
}

fn texts(order: &OrderContent<'_>) -> [(&'static str, Option<String>); 17] {
    let OrderContent { row, winners } = order;
    let text = |value: &Option<Cow<'_, str>>| value.as_deref().map(str::to_owned);
    let time = |value: Option<Time>| value.map(|time| time.to_string());
    [
        ("status", Some(row.status.to_string())),
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
        ("details", row.details.clone()),
        ("winners", Some(winners.to_string())),
    ]
}
