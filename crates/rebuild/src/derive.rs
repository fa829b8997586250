//! From the loaded history to the orders: one pass in the order of the order ids.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use views::apply::{OrderPiece, OrderRows};
use views::rebuild::{OrderGroups, OrderRange, OrdersCopy};
use views::{Build, Database, SessionKind};

use crate::error::Result;
use crate::progress::Meter;
use crate::runner::{Runner, Step, taken};

/// Of one piece of the COPY stream, in bytes.
const PIECE: usize = 256 * 1024;

impl Runner {
    pub(crate) async fn derive(&self, build: Build) -> Result<Step> {
        let mut session = self.session(SessionKind::Indexing).await?;
        let positions = build.positions(&session).await?;
        self.meter.expect(positions.iter().map(|(_, position)| position.0 as u64).sum());
        build.index_history(&mut session).await?;

        let (sender, mut pieces) = mpsc::channel(4);
        let mut readers = JoinSet::new();
        for range in OrderRange::halves(&session, build).await? {
            let (database, sender) = (self.settings.database.clone(), sender.clone());
            let meter = Arc::clone(&self.meter);
            readers.spawn(async move { fold(&database, build, range, &sender, &meter).await });
        }
        drop(sender);
        let mut copy = OrdersCopy::begin(&mut session, build).await?;
        while let Some(piece) = pieces.recv().await {
            copy.write(piece).await?;
        }
        // All readers are at their ends; an error of one must not look like the end of the orders.
        while let Some(reader) = readers.join_next().await {
            reader??;
        }
        let orders = copy.finish(&self.row).await.map_err(taken)?;
        tracing::info!(rebuild = self.row.rebuild, %build, orders, "derived");
        Ok(Step::Next)
    }
}

/// The orders of a range as pieces of a COPY stream.
async fn fold(
    database: &Database,
    build: Build,
    range: OrderRange,
    pieces: &mpsc::Sender<OrderPiece>,
    meter: &Meter,
) -> Result<()> {
    let session = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let mut groups = OrderGroups::open(&session, build, &range).await?;
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
