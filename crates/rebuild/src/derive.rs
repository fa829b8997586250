//! From the loaded history to the orders: one pass in the order of the order ids.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use views::Database;
use views::apply::{OrderPiece, OrderRows};
use views::rebuild::{OrderGroups, OrderRange, OrdersCopy, halves, index_history};

use crate::error::Result;
use crate::progress::Meter;
use crate::runner::{Runner, Step, taken};

/// Of one piece of the COPY stream, in bytes.
const PIECE: usize = 256 * 1024;

/// For building indexes: sorting in memory where that is enough.
pub(crate) const INDEXING: [(&str, &str); 2] =
    [("maintenance_work_mem", "256MB"), ("synchronous_commit", "on")];
/// For reading in the order of the order ids.
pub(crate) const SORTING: [(&str, &str); 2] = [("work_mem", "64MB"), ("jit", "off")];

impl Runner {
    pub(crate) async fn derive(&self, build: i64) -> Result<Step> {
        let mut session = self.session(&INDEXING).await?;
        let positions = views::positions::read(&session.client, build).await?;
        self.meter.expect(positions.values().map(|position| position.0 as u64).sum());
        index_history(&mut session.client, build).await?;

        let (sender, mut pieces) = mpsc::channel(4);
        let mut readers = JoinSet::new();
        for range in halves(&session.client, build).await? {
            let (database, sender) = (self.settings.database.clone(), sender.clone());
            let meter = Arc::clone(&self.meter);
            readers.spawn(async move { fold(&database, build, range, &sender, &meter).await });
        }
        drop(sender);
        let mut copy = OrdersCopy::begin(&mut session.client, build).await?;
        while let Some(piece) = pieces.recv().await {
            copy.write(piece).await?;
        }
        // All readers are at their ends; an error of one must not look like the end of the orders.
        while let Some(reader) = readers.join_next().await {
            reader??;
        }
        let orders = copy.finish(&self.row).await.map_err(taken)?;
        tracing::info!(rebuild = self.row.rebuild, build, orders, "derived");
        Ok(Step::Next)
    }
}

/// The orders of a range as pieces of a COPY stream.
async fn fold(
    database: &Database,
    build: i64,
    range: OrderRange,
    pieces: &mpsc::Sender<OrderPiece>,
    meter: &Meter,
) -> Result<()> {
    let session = database.session("food-orders rebuild fold", &SORTING).await?;
    let mut groups = OrderGroups::open(&session.client, build, &range).await?;
    let mut rows = OrderRows::for_copy();
    let mut records = 0;
    while let Some(group) = groups.next().await? {
        records += group.records;
        let (order_id, state) = group.fold()?;
        rows.push(order_id, &state);
        if rows.bytes() >= PIECE {
            meter.add(std::mem::take(&mut records) as u64);
            if pieces.send(rows.take()).await.is_err() {
                return Ok(());
            }
        }
    }
    meter.add(records as u64);
    let _ = pieces.send(rows.take()).await;
    Ok(())
}
