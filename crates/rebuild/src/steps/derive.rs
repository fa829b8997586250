//! State `deriving`: indexes the loaded history, then folds it into the orders in one pass in the order of the order ids,
//! part by part if the tables are divided. Memory is bounded whatever the number of orders.
//!
//! It notes sums of what it reads and makes, which verifying compares with the tables. The log is read again at the same
//! time, to be compared with these sums: while an index is built, there is a core to spare.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use views::apply::{OrderPiece, OrderRows};
use views::rebuild::{LogRows, OrderGroups, OrderSet, OrdersCopy, RebuildRow, State, StoredRecord};
use views::{Build, Database, Part, SessionKind, Totals};

use super::StepEnd;
use super::verify::derived::{Derived, Made};
use super::verify::{admission::was_refused, log_hash, scope::Scope};
use crate::context::Context;
use crate::error::{Error, Recovery, Result};
use crate::meter::Meter;
use crate::plan::Plan;
use crate::shares::Shares;

/// Size of one piece of the COPY stream, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that may wait for PostgreSQL.
const WAITING_PIECES: usize = 4;

pub(crate) async fn run(context: &Context, row: &RebuildRow, build: Build, plan: &Plan) -> Result<StepEnd> {
    let session = context.session(SessionKind::Short).await?;
    let kept = row.keep_history.as_ref().map(|_| plan);
    let scope = Scope::read(&session, build, kept, &context.settings.codec.schemas).await?;
    // Such a record is tried again, for which the tables have to be complete.
    if scope.dead_letters.values().any(was_refused) {
        context.meter.expect(scope.events());
        derive(context, build, scope.rows).await?;
        return Ok(StepEnd::Next(State::CatchingUp));
    }
    // Those of the log, and those of the history.
    context.meter.expect(scope.events() * 2);
    let log = log_hash::of(&context.settings, &scope, &context.meter);
    // What is derived is worth keeping when the log cannot be read for a while.
    let (log, made) = tokio::join!(log, derive(context, build, scope.rows));
    let made = made?;
    match log {
        Ok(log) => Ok(StepEnd::Derived(Box::new(Derived::new(&scope, log, made)))),
        Err(error) if error.recovery() == Recovery::Retry => {
            tracing::warn!(rebuild = context.owner.rebuild, %error, "the log could not be read beside deriving");
            Ok(StepEnd::Next(State::CatchingUp))
        }
        Err(error) => Err(error),
    }
}

async fn derive(context: &Context, build: Build, rows: LogRows) -> Result<Made> {
    let parts = build.parts(&context.session(SessionKind::Short).await?).await?;
    let mut shares = Shares::new();
    for part in parts.iter() {
        let context = context.clone();
        shares.add(async move { derive_part(&context, build, part, rows).await });
    }
    let (mut made, mut orders) = (Made::new(rows), Totals::default());
    while let Some((made_of_part, orders_of_part)) = shares.next().await? {
        made.merge(made_of_part);
        orders += orders_of_part;
    }
    let mut session = context.session(SessionKind::Short).await?;
    build.finish_orders(&mut session, &context.owner, &orders).await.map_err(Error::from_row_change)?;
    let orders = orders.orders();
    tracing::info!(rebuild = context.owner.rebuild, %build, orders, "derived the orders");
    Ok(made)
}

/// Returns how many orders were written as well.
async fn derive_part(context: &Context, build: Build, part: Part, rows: LogRows) -> Result<(Made, Totals)> {
    let mut session = context.session(SessionKind::Indexing).await?;
    build.index_history(&mut session, part).await?;

    let (sender, mut pieces) = mpsc::channel(WAITING_PIECES);
    let mut readers = JoinSet::new();
    for orders in OrderSet::of_part(&session, build, part).await? {
        let (database, sender) = (context.settings.database.clone(), sender.clone());
        let meter = Arc::clone(&context.meter);
        readers.spawn(async move { fold(&database, build, orders, rows, &sender, &meter).await });
    }
    drop(sender);
    let mut copy = OrdersCopy::begin(&mut session, build, part).await?;
    while let Some(piece) = pieces.recv().await {
        copy.write(piece).await?;
    }
    // The pieces also end when a reader fails, which must not pass for the end of the orders.
    let mut made = Made::new(rows);
    while let Some(reader) = readers.join_next().await {
        made.merge(reader??);
    }
    let orders = copy.finish(&context.owner).await.map_err(Error::from_row_change)?;
    Ok((made, orders))
}

/// Sends orders as pieces of a COPY stream.
async fn fold(
    database: &Database,
    build: Build,
    orders: OrderSet,
    log_rows: LogRows,
    pieces: &mpsc::Sender<OrderPiece>,
    meter: &Meter,
) -> Result<Made> {
    let session = database.session("food-orders rebuild fold", SessionKind::Sorting).await?;
    let mut groups = OrderGroups::open_complete(&session, build, &orders).await?;
    let mut rows = OrderRows::for_copy();
    let mut made = Made::new(log_rows);
    let mut records = 0;
    loop {
        let mut see = |row: &Bytes| {
            made.read(&StoredRecord::of(row)?);
            Ok(())
        };
        let Some(group) = groups.next_with(&mut see).await? else { break };
        records += group.records;
        let (order_id, state) = group.fold()?;
        made.write(order_id, &state, &mut rows);
        if rows.bytes() >= PIECE_BYTES {
            meter.add(std::mem::take(&mut records) as u64);
            if pieces.send(rows.take()).await.is_err() {
                return Ok(made);
            }
        }
    }
    meter.add(records as u64);
    // The receiver is gone only if the COPY failed; the step reports that error.
    let _ = pieces.send(rows.take()).await;
    Ok(made)
}
