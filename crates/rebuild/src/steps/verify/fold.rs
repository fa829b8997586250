//! The history, folded again, against table `orders`: two streams in the order of the order
//! ids, merged. The fold is the one that derived the orders (`orders::OrderState`).

use std::cmp::Ordering;

use bytes::Bytes;
use views::rebuild::{OrderContent, OrderGroups, OrderScan, OrderSet};
use views::{Build, Database, SessionKind, Totals};

use super::order_columns;
use crate::differences::{Difference, Differences};
use crate::error::Result;

/// Records between two reports to the meter.
const REPORT_EVERY: usize = 10_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) differences: Differences,
    /// How many orders have each status.
    pub(super) orders: Totals,
}

/// All records of some orders, against their rows. `report` is told how many records were folded since it was last called.
pub(super) async fn compare_orders(
    database: &Database,
    build: Build,
    orders: &OrderSet,
    report: impl Fn(u64),
) -> Result<Folded> {
    let history = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let table = database.session("food-orders rebuild verify", SessionKind::Sorting).await?;
    let groups = OrderGroups::open(&history, build, orders).await?;
    let rows = OrderScan::open(&table, build, orders).await?;
    compare_groups(groups, rows, &mut |_| Ok(()), report).await
}

/// Orders folded from their records, against their rows. `see` is called with each record.
pub(super) async fn compare_groups(
    mut groups: OrderGroups,
    mut rows: OrderScan,
    see: &mut impl FnMut(&Bytes) -> views::Result<()>,
    report: impl Fn(u64),
) -> Result<Folded> {
    let Folded { mut differences, mut orders } = Folded::default();
    let mut stored = rows.next().await?;
    let mut records = 0;
    while let Some(group) = groups.next_with(see).await? {
        records += group.records;
        if records >= REPORT_EVERY {
            report(std::mem::take(&mut records) as u64);
        }
        let (order_id, state) = group.fold()?;
        let expected = OrderContent::of(&state);
        if let Some(expected) = &expected {
            orders.add_orders(expected.row.status, 1);
        }
        while let Some(row) = &stored {
            if row.order_id()?.cmp(order_id) != Ordering::Less {
                break;
            }
            differences.push(row_without_records(row.order_id()?));
            stored = rows.next().await?;
        }
        match &stored {
            Some(row) if row.order_id()? == order_id => {
                if let Some(expected) = &expected {
                    order_columns::compare(order_id, expected, &row.content()?, &mut differences);
                }
                stored = rows.next().await?;
            }
            _ => differences.push(Difference { expected: Some("a row".into()), ..order(order_id) }),
        }
    }
    while let Some(row) = &stored {
        differences.push(row_without_records(row.order_id()?));
        stored = rows.next().await?;
    }
    report(records as u64);
    Ok(Folded { differences, orders })
}

fn row_without_records(order_id: &str) -> Difference {
    Difference { found: Some("a row".into()), ..order(order_id) }
}

fn order(order_id: &str) -> Difference {
    Difference { table: "orders".into(), order_id: Some(order_id.into()), ..Difference::default() }
}
