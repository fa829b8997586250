//! State `deriving`: indexes the loaded history, then folds it into the orders in one pass
//! in the order of the order ids. Memory is bounded whatever the number of orders.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use views::apply::{OrderPiece, OrderRows};
use views::rebuild::{OrderGroups, OrderSet, OrdersCopy, State};
use views::{Build, Database, SessionKind};

use super::StepEnd;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::meter::Meter;

/// Size of one piece of the COPY stream, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for PostgreSQL.
const WAITING_PIECES: usize = 4;

pub(crate) async fn run(context: &Context, build: Build) -> Result<StepEnd> {
    let mut session = context.session(SessionKind::Indexing).await?;
    let positions = build.positions(&session).await?;
    context.meter.expect(positions.iter().map(|(_, position)| position.0 as u64).sum());
    build.index_history(&mut session).await?;

    let (sender, mut pieces) = mpsc::channel(WAITING_PIECES);
    let mut readers = JoinSet::new();
    for orders in OrderSet::halves(&session, build).await? {
        let (database, sender) = (context.settings.database.clone(), sender.clone());
        let meter = Arc::clone(&context.meter);
        readers.spawn(async move { fold(&database, build, orders, &sender, &meter).await });
    }
    drop(sender);
    let mut copy = OrdersCopy::begin(&mut session, build).await?;
    while let Some(piece) = pieces.recv().await {
        copy.write(piece).await?;
    }
    // The pieces also end when a reader fails, which must not pass for the end of the orders.
    while let Some(reader) = readers.join_next().await {
        reader??;
    }
    let orders = copy.finish(&context.owner).await.map_err(Error::from_row_change)?;
    tracing::info!(rebuild = context.owner.rebuild, %build, orders, "derived the orders");
    Ok(StepEnd::Next(State::CatchingUp))
}

/// Sends orders as pieces of a COPY stream.
async fn fold(
    database: &Database,
    build: Build,
    orders: OrderSet,
    pieces: &mpsc::Sender<OrderPiece>,
    meter: &Meter,
) -> Result<()> {
    let session = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let mut groups = OrderGroups::open(&session, build, &orders).await?;
    let mut rows = OrderRows::for_copy();
    let mut records = 0;
    while let Some(group) = groups.next().await? {
        records += group.records;
        let (order_id, state) = group.fold()?;
        rows.push(order_id, &state);
        if rows.bytes() >= PIECE_BYTES {
            meter.add(std::mem::take(&mut records) as u64);
            if pieces.send(rows.take()).await.is_err() {
                return Ok(());
            }
        }
    }
    meter.add(records as u64);
    // The receiver is gone only if the COPY failed; the step reports that error.
    let _ = pieces.send(rows.take()).await;
    Ok(())
}
