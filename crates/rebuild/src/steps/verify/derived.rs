//! What deriving has read of the history and made of it, noted so that verifying need not read the history order by order
//! once more.
//!
//! If the log is what was read, the history is still what was read, and table `orders` is what was made of it, then a
//! second fold would find the same orders. So this accepts no build that the complete comparison would refuse. It names
//! no difference; that is left to the complete comparison.

use orders::{OrderState, Positions};
use views::apply::OrderRows;
use views::rebuild::{HistorySum, LogRows, OrderContent, OrderScan, StoredRecord};
use views::{Build, Session, SessionKind, Totals};

use super::blocks::{self, Blocks};
use super::content::Content;
use super::content_hash::{ContentHasher, ContentSum};
use super::log_hash::LogHash;
use super::scope::Scope;
use crate::context::Context;
use crate::error::Result;

/// Orders that are read between two reports of the progress.
const MET_AT_ONCE: u64 = 1000;

/// It is about the build as it stood at these positions, before this decision.
#[derive(Debug)]
pub(crate) struct Derived {
    build: Build,
    positions: Positions,
    last_decision: i64,
    /// Those that the log was compared with.
    dead_letters: ContentSum,
    pub(super) log: LogHash,
    pub(super) made: Made,
}

/// What was read, and what was made of it.
#[derive(Debug)]
pub(in crate::steps) struct Made {
    rows: LogRows,
    /// The history by its content, like the log.
    blocks: Blocks,
    history: HistorySum,
    orders: ContentSum,
    /// How many orders were made, and how many of the records that were read do not stand for one of the log.
    pub(super) totals: Totals,
    hasher: ContentHasher,
}

impl Made {
    /// `rows`: those that stand for records of the log.
    pub(in crate::steps) fn new(rows: LogRows) -> Self {
        Self {
            rows,
            blocks: Blocks::default(),
            history: HistorySum::default(),
            orders: ContentSum::default(),
            totals: Totals::default(),
            hasher: ContentHasher::default(),
        }
    }

    /// Notes a record that was read.
    pub(in crate::steps) fn read(&mut self, record: &StoredRecord<'_>) {
        self.history.add(record.hash);
        if self.rows == LogRows::All || !record.is_kept {
            self.blocks.add(&Content::of_row(&record.row));
        } else {
            self.totals.records += 1;
        }
    }

    /// Writes an order, and notes it.
    pub(in crate::steps) fn write(&mut self, order_id: &str, state: &OrderState<'_>, rows: &mut OrderRows) {
        if let Some(order) = OrderContent::of(state) {
            rows.push_row(order_id, state, &order.row);
            self.orders.add(self.hasher.hash(&(order_id, &order)));
            self.totals.add_orders(order.row.status, 1);
        }
    }

    pub(in crate::steps) fn merge(&mut self, other: Self) {
        self.blocks.merge(other.blocks);
        self.history.merge(other.history);
        self.orders.merge(other.orders);
        self.totals += other.totals;
    }
}

impl Derived {
    pub(in crate::steps) fn new(scope: &Scope, log: LogHash, made: Made) -> Self {
        Self {
            build: scope.build,
            positions: scope.positions.clone(),
            last_decision: scope.last_decision,
            dead_letters: sum_dead_letters(scope),
            log,
            made,
        }
    }

    /// Whether the positions have not moved and nothing was decided since, and the dead letters are what they were.
    pub(super) fn is_of(&self, scope: &Scope) -> bool {
        self.build == scope.build
            && self.made.rows == scope.rows
            && self.positions == scope.positions
            && self.last_decision == scope.last_decision
            && self.dead_letters == sum_dead_letters(scope)
    }

    /// Whether the log holds what was read.
    pub(super) fn is_of_the_log(&self) -> bool {
        self.log.differences.is_empty() && blocks::differing(&self.log.blocks, &self.made.blocks).is_empty()
    }

    /// Whether the tables hold what was read and made.
    pub(super) async fn is_stored(&self, context: &Context, scope: &Scope) -> Result<bool> {
        let open = || context.session(SessionKind::Short);
        let (history, orders) = tokio::try_join!(open(), open())?;
        // PostgreSQL sums the history in one statement. The orders are read meanwhile, and tell how far this is.
        let events_per_order = scope.events() as f64 / self.made.totals.orders().max(1) as f64;
        let mut met = 0;
        let meet = |orders: u64| {
            let events = (orders as f64 * events_per_order).round() as u64;
            context.meter.add(events.saturating_sub(std::mem::replace(&mut met, events)));
        };
        let (history, orders) =
            tokio::try_join!(self.build.history_sum(&history), sum_orders(&orders, self.build, meet))?;
        Ok(history == self.made.history && orders == self.made.orders)
    }
}

fn sum_dead_letters(scope: &Scope) -> ContentSum {
    let (mut sum, mut hasher) = (ContentSum::default(), ContentHasher::default());
    scope.dead_letters.iter().for_each(|dead_letter| sum.add(hasher.hash(&dead_letter)));
    sum
}

/// Tells `meet` how many orders were read so far.
async fn sum_orders(session: &Session, build: Build, mut meet: impl FnMut(u64)) -> views::Result<ContentSum> {
    let mut scan = OrderScan::open_all(session, build).await?;
    let (mut sum, mut hasher) = (ContentSum::default(), ContentHasher::default());
    let mut orders = 0_u64;
    while let Some(row) = scan.next().await? {
        sum.add(hasher.hash(&(row.order_id()?, &row.content()?)));
        orders += 1;
        if orders.is_multiple_of(MET_AT_ONCE) {
            meet(orders);
        }
    }
    meet(orders);
    Ok(sum)
}
