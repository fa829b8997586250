//! The history, folded here, against table `orders`: two streams in the order of the
//! order ids, merged.

use std::cmp::Ordering;
use std::sync::Arc;

use orders::OrderRow;
use tokio::task::JoinSet;
use views::rebuild::{OrderGroups, OrderRange, OrderScan};
use views::{Build, Database, SessionKind};

use crate::canonical;
use crate::differences::{Difference, Differences};
use crate::error::Result;
use crate::progress::Meter;
use crate::settings::Settings;

const REPORT_EVERY: usize = 10_000;

pub(super) async fn compare(settings: &Settings, build: Build, meter: &Arc<Meter>) -> Result<Differences> {
    let session = settings.database.session("food-orders rebuild verify", SessionKind::Short).await?;
    let mut tasks = JoinSet::new();
    for range in OrderRange::halves(&session, build).await? {
        tasks.spawn(compare_range(settings.database.clone(), build, range, Arc::clone(meter)));
    }
    let mut differences = Differences::default();
    while let Some(task) = tasks.join_next().await {
        differences.extend(task??);
    }
    Ok(differences)
}

async fn compare_range(
    database: Database,
    build: Build,
    range: OrderRange,
    meter: Arc<Meter>,
) -> Result<Differences> {
    let history = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let table = database.session("food-orders rebuild verify", SessionKind::Sorting).await?;
    let mut groups = OrderGroups::open(&history, build, &range).await?;
    let mut rows = OrderScan::open(&table, build, &range).await?;
    let mut differences = Differences::default();
    let mut stored = rows.next().await?;
    let mut records = 0;
    while let Some(group) = groups.next().await? {
        records += group.records;
        if records >= REPORT_EVERY {
            meter.add(std::mem::take(&mut records) as u64);
        }
        let (order_id, state) = group.fold()?;
        // Rows that no record is about.
        while let Some(row) = &stored {
            if row.order_id()?.cmp(order_id) != Ordering::Less {
                break;
            }
            differences.push(whole(row.order_id()?, None, Some("a row")));
            stored = rows.next().await?;
        }
        match &stored {
            Some(row) if row.order_id()? == order_id => {
                if let Some(expected) = state.row() {
                    columns(order_id, &expected, &row.row()?, &mut differences);
                }
                stored = rows.next().await?;
            }
            _ => differences.push(whole(order_id, Some("a row"), None)),
        }
    }
    while let Some(row) = &stored {
        differences.push(whole(row.order_id()?, None, Some("a row")));
        stored = rows.next().await?;
    }
    meter.add(records as u64);
    Ok(differences)
}

fn whole(order_id: &str, expected: Option<&str>, found: Option<&str>) -> Difference {
    Difference {
        table: "orders".into(),
        order_id: Some(order_id.into()),
        expected: expected.map(str::to_owned),
        found: found.map(str::to_owned),
        ..Difference::default()
    }
}

/// The texts differ by form only, as a rule.
fn same_details(expected: Option<&str>, found: Option<&str>) -> bool {
    expected == found || expected.map(canonical::value) == found.map(canonical::value)
}

fn columns(order_id: &str, expected: &OrderRow<'_>, found: &OrderRow<'_>, differences: &mut Differences) {
    let same = same_details(expected.details.as_deref(), found.details.as_deref());
    if same && without_details(expected, found) {
        return;
    }
    for ((column, one), (_, other)) in shown(expected).into_iter().zip(shown(found)) {
        if one != other && !(same && column == "details") {
            differences.push(Difference {
                table: "orders".into(),
                order_id: Some(order_id.into()),
                column: Some(column.into()),
                expected: one,
                found: other,
                ..Difference::default()
            });
        }
    }
}

fn without_details(one: &OrderRow<'_>, other: &OrderRow<'_>) -> bool {
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

fn shown(row: &OrderRow<'_>) -> [(&'static str, Option<String>); 16] {
    let text = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().map(str::to_owned);
    let time = |value: Option<orders::Time>| value.map(|time| time.to_string());
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
    ]
}
