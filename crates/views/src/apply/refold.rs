//! The hard case of the merge: orders that the upsert did not take. Their rows say which records have won so
//! far. Those, and the incoming ones, are all that the merge needs: it is a maximum, so records that lost once
//! never win again. So the work does not grow with an order's history.

use std::collections::HashMap;

use orders::{Fact, LogOrder, OrderState};
use tokio_postgres::{Client, Statement};

use super::order_rows::OrderRows;
use super::statement::prepare;
use super::winning_records::{RecordKey, WinningRecords, portions};
use super::written::Written;
use crate::error::{Error, Result};
use crate::history::FactRow;
use crate::row_values::RowValues;
use crate::totals::Totals;
use crate::winners::Winners;
use crate::{Build, order_columns};

/// How many orders are looked at together.
const ORDERS_AT_ONCE: usize = 1000;

#[derive(Debug)]
pub(super) struct Refold {
    untaken: Statement,
    replace: Statement,
    records: WinningRecords,
}

/// An order of the batch that the upsert only locked.
struct Untaken<'o, 'r> {
    order_id: &'o str,
    incoming: &'o OrderState<'r>,
    /// Which records gave the row its columns.
    winners: Winners,
}

/// An order whose row changes.
struct Changed<'o, 'r> {
    order_id: &'o str,
    incoming: &'o OrderState<'r>,
    /// The records of the row that no incoming record has replaced.
    kept: Vec<RecordKey<'o>>,
    /// The size of what has to be read of these.
    bytes: usize,
}

impl Refold {
    pub(super) async fn prepare(client: &Client, build: Build) -> Result<Self> {
        // A row that this transaction has written carries its id; one that the upsert has only locked does
        // not. OFFSET 0: one look-up per order, whatever the planner knows about the table.
        let untaken = "/* views::apply::refold::prepare */ SELECT incoming.number, found.winners
            FROM unnest($1::text[]) WITH ORDINALITY AS incoming (order_id, number)
            CROSS JOIN LATERAL (
                SELECT o.winners, o.xmin AS written_by FROM {build}.orders AS o WHERE o.order_id = incoming.order_id
                OFFSET 0
            ) AS found
            WHERE found.written_by <> pg_current_xact_id()::xid
            ORDER BY incoming.number";
        Ok(Self {
            untaken: prepare(client, build, untaken).await?,
            replace: prepare(client, build, &order_columns::replace()).await?,
            records: WinningRecords::prepare(client, build).await?,
        })
    }

    /// The records of the history by which orders are merged.
    pub(super) fn records(&self) -> &WinningRecords {
        &self.records
    }

    /// Merges those of the `incoming` orders that the upsert left alone. Returns their number, and how the totals change.
    pub(super) async fn run(
        &self,
        client: &Client,
        incoming: &[(&str, &OrderState<'_>)],
    ) -> Result<(usize, Totals)> {
        // A statement of its own, because its snapshot holds what others have committed before the row locks
        // were granted: both their rows and the records that these name. The rows are locked, so nobody
        // changes them any more.
        let untaken = self.untaken(client, incoming).await?;
        let mut changes = Totals::default();
        for orders in untaken.chunks(ORDERS_AT_ONCE) {
            let changed = self.changed(client, orders).await?;
            for portion in portions(&changed, |order| order.bytes) {
                changes += self.write(client, portion).await?;
            }
        }
        Ok((untaken.len(), changes))
    }

    async fn untaken<'o, 'r>(
        &self,
        client: &Client,
        incoming: &[(&'o str, &'o OrderState<'r>)],
    ) -> Result<Vec<Untaken<'o, 'r>>> {
        let order_ids: Vec<&str> = incoming.iter().map(|(order_id, _)| *order_id).collect();
        let rows = client.query(&self.untaken, &[&order_ids]).await;
        let rows = rows.map_err(Error::during("looking for orders to merge"))?;
        rows.iter()
            .map(|row| {
                let (order_id, incoming) = incoming[row.get::<_, i64>(0) as usize - 1];
                Ok(Untaken { order_id, incoming, winners: Winners::of_order(order_id, row.get(1))? })
            })
            .collect()
    }

    /// Leaves out the orders in which no incoming record wins.
    async fn changed<'o, 'r>(
        &self,
        client: &Client,
        orders: &[Untaken<'o, 'r>],
    ) -> Result<Vec<Changed<'o, 'r>>> {
        let keys: Vec<RecordKey<'o>> = orders.iter().flat_map(Untaken::keys).collect();
        let mut ranked = self.records.ranked(client, &keys).await?.into_iter();
        let mut changed = Vec::new();
        for order in orders {
            let mut standing = Vec::new();
            for ((event, partition, offset), record) in order.winners.iter().zip(ranked.by_ref()) {
                if record.fact.event != event {
                    let cause = format!("table orders names it as {event}, but it is {}", record.fact.event);
                    return Err(Error::DamagedHistory { partition, offset, cause });
                }
                standing.push(record);
            }
            let Some(kept) = kept(standing.iter().map(|record| &record.fact), order.incoming) else {
                continue;
            };
            let is_kept = |at: LogOrder| kept.contains(&at);
            let bytes = standing.iter().filter(|record| is_kept(record.fact.at)).map(|record| record.bytes);
            changed.push(Changed {
                order_id: order.order_id,
                incoming: order.incoming,
                bytes: bytes.sum(),
                kept: kept.iter().map(|at| RecordKey::new(order.order_id, *at)).collect(),
            });
        }
        Ok(changed)
    }

    async fn write(&self, client: &Client, orders: &[Changed<'_, '_>]) -> Result<Totals> {
        let keys: Vec<RecordKey<'_>> = orders.iter().flat_map(|order| order.kept.iter().copied()).collect();
        let rows = self.records.complete(client, &keys).await?;
        let mut states: HashMap<&str, OrderState<'_>> = HashMap::new();
        for row in &rows {
            let row = FactRow::read(&mut RowValues::of_query(row))?;
            states.entry(row.order_id).or_default().add(row.fact()?);
        }
        let merged: Vec<_> = orders
            .iter()
            .map(|order| {
                let mut state = states.remove(order.order_id).unwrap_or_default();
                order.incoming.winners().for_each(|fact| state.add(fact.clone()));
                (order.order_id, state)
            })
            .collect();
        let rows = OrderRows::array(&merged.iter().map(|(id, state)| (*id, state)).collect::<Vec<_>>());
        let attempt = "writing merged orders";
        let written = Written::by(client, &self.replace, &rows).await.map_err(Error::during(attempt))?;
        if written.rows != orders.len() {
            return Err(Error::RowCount { attempt, expected: orders.len(), found: written.rows as u64 });
        }
        Ok(written.changes)
    }
}

impl<'o> Untaken<'o, '_> {
    fn keys(&self) -> impl Iterator<Item = RecordKey<'o>> {
        let order_id = self.order_id;
        self.winners.iter().map(move |(_, partition, offset)| RecordKey { order_id, partition, offset })
    }
}

/// The standing records that remain winners beside the incoming ones. `None`: no incoming record wins.
fn kept<'f>(
    standing: impl Iterator<Item = &'f Fact<'static>>,
    incoming: &OrderState<'_>,
) -> Option<Vec<LogOrder>> {
    let mut merged = OrderState::default();
    standing.for_each(|fact| merged.add(fact.clone()));
    incoming.winners().for_each(|fact| merged.add(fact.without_fields()));
    let is_incoming = |at: LogOrder| incoming.winners().any(|fact| fact.at == at);
    let (new, kept): (Vec<_>, Vec<_>) = merged.winners().map(|fact| fact.at).partition(|at| is_incoming(*at));
    (!new.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests;
