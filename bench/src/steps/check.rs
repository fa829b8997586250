//! What a step has left behind: whether all rows exist, and how large the tables are.

use service::{Exit, Failure};

use crate::backlog::Backlog;
use crate::measurement::Measurement;
use crate::server::FreshDatabase;
use crate::tables::{Rows, Tables};

/// Adds what PostgreSQL counted to the measurement, and checks that all rows exist.
pub async fn check(
    backlog: &Backlog,
    fresh: &FreshDatabase,
    tables: &Tables,
    measured: &mut Measurement,
) -> Result<(), Failure> {
    let client = fresh.sql().await?;
    let counters = tables.counters(&client, measured.events).await?;
    let updated = counters.orders_updated;
    measured.hot_ratio = (updated > 0).then(|| counters.orders_updated_hot as f64 / updated as f64);
    measured.order_rows_written = Some((counters.orders_inserted + updated) as u64);
    let rows = tables.rows(&client).await?;
    measured.add_size(tables.size(&client).await?, rows.orders);
    // A step that is measured for some seconds only leaves orders open.
    let is_complete = measured.events == backlog.events;
    let expected = Rows {
        history: measured.events,
        orders: if is_complete { backlog.orders } else { rows.orders },
        delivered: if is_complete { backlog.orders } else { rows.delivered },
        dead_letters: 0,
    };
    if rows == expected {
        return Ok(());
    }
    let Rows { history, orders, delivered, dead_letters } = rows;
    Err(Failure::new(
        Exit::Difference,
        format!(
            "{}: {} of {} events were applied, which make {} orders; there are {history} history rows, {orders} orders, \
             {delivered} of them delivered, and {dead_letters} dead letters",
            measured.step, measured.events, backlog.events, backlog.orders
        ),
    ))
}
