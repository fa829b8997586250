//! The history, order by order, for the fold. Memory is bounded for any number of orders, and for any
//! number of records of one order.

use bytes::Bytes;
use orders::{LogOrder, OrderState};

use super::copy_out::CopyRows;
use super::history_sum::ROW_HASH;
use super::order_set::OrderSet;
use super::record_set::RecordSet;
use crate::Build;
use crate::error::Result;
use crate::history::{FACT_COLUMNS, FactRow, HISTORY_COLUMNS, HistoryRow};
use crate::row_values::RowValues;
use crate::session::Session;
use crate::sql::for_build;

/// More rows of one order are folded down to the winners among them.
const COMPACT_AT: usize = 1024;
/// The same for rows of more bytes, or of twice as many as the winners have.
const COMPACT_AT_BYTES: usize = 4 << 20;

/// The records of one order. Some of those that cannot win any more may be missing.
#[derive(Debug, Default)]
pub struct OrderGroup {
    rows: Vec<Bytes>,
    bytes: usize,
    compact_at_bytes: usize,
    /// How many records there were.
    pub records: usize,
}

/// Some orders, in the order of their ids.
pub struct OrderGroups {
    rows: CopyRows,
    next: Option<Bytes>,
}

impl OrderGroups {
    /// The session serves nothing else until the groups are dropped.
    pub async fn open(session: &Session, build: Build, orders: &OrderSet) -> Result<Self> {
        let (part, condition) = (orders.part(), orders.condition());
        let query = format!(
            "/* views::rebuild::groups::open */ SELECT {FACT_COLUMNS} FROM {{build}}.order_history{part} WHERE {condition} ORDER BY order_id"
        );
        Self::of_query(session, build, &query).await
    }

    /// The same with complete rows, for [`StoredRecord::of`].
    pub async fn open_complete(session: &Session, build: Build, orders: &OrderSet) -> Result<Self> {
        let (part, condition) = (orders.part(), orders.condition());
        let query = format!(
            "/* views::rebuild::groups::open_complete */ SELECT {HISTORY_COLUMNS}, kept_by, {ROW_HASH} FROM {{build}}.order_history{part} AS h
             WHERE {condition} ORDER BY order_id"
        );
        Self::of_query(session, build, &query).await
    }

    /// The orders of these records, each with no others than these.
    pub async fn of_records(session: &Session, build: Build, records: &RecordSet) -> Result<Self> {
        Self::of_query(session, build, &records.query(FACT_COLUMNS)).await
    }

    async fn of_query(session: &Session, build: Build, query: &str) -> Result<Self> {
        let query = for_build(query, build);
        let mut rows = CopyRows::open(session, "reading the history order by order", &query).await?;
        let next = rows.next().await?;
        Ok(Self { rows, next })
    }

    pub async fn next(&mut self) -> Result<Option<OrderGroup>> {
        self.next_with(&mut |_| Ok(())).await
    }

    /// The same; `see` is called with each record of the order once.
    pub async fn next_with(
        &mut self,
        see: &mut impl FnMut(&Bytes) -> Result<()>,
    ) -> Result<Option<OrderGroup>> {
        let Some(first) = self.next.take() else { return Ok(None) };
        see(&first)?;
        let mut group = OrderGroup {
            bytes: first.len(),
            compact_at_bytes: COMPACT_AT_BYTES,
            rows: vec![first],
            records: 1,
        };
        while let Some(row) = self.rows.next().await? {
            if order_id(&row)? != order_id(&group.rows[0])? {
                self.next = Some(row);
                break;
            }
            see(&row)?;
            group.push(row)?;
        }
        Ok(Some(group))
    }
}

impl OrderGroup {
    fn push(&mut self, row: Bytes) -> Result<()> {
        self.bytes += row.len();
        self.rows.push(row);
        self.records += 1;
        if self.rows.len() >= COMPACT_AT || self.bytes >= self.compact_at_bytes {
            let (_, state) = self.fold()?;
            let winners: Vec<LogOrder> = state.winners().map(|fact| fact.at).collect();
            let mut kept = Vec::with_capacity(COMPACT_AT);
            for row in &self.rows {
                if winners.contains(&read(row)?.at) {
                    kept.push(row.clone());
                }
            }
            self.bytes = kept.iter().map(Bytes::len).sum();
            self.compact_at_bytes = COMPACT_AT_BYTES.max(2 * self.bytes);
            self.rows = kept;
        }
        Ok(())
    }

    /// The order's id and state.
    pub fn fold(&self) -> Result<(&str, OrderState<'_>)> {
        let mut state = OrderState::default();
        let mut id = "";
        for row in &self.rows {
            let row = read(row)?;
            id = row.order_id;
            state.add(row.fact()?);
        }
        Ok((id, state))
    }
}

/// A row of the history, as [`OrderGroups::open_complete`] reads it.
#[derive(Debug)]
pub struct StoredRecord<'a> {
    pub row: HistoryRow<'a>,
    /// Whether it was taken over from the build before.
    pub is_kept: bool,
    /// See [`super::HistorySum`].
    pub hash: i64,
}

impl<'a> StoredRecord<'a> {
    pub fn of(row: &'a Bytes) -> Result<Self> {
        let mut values = RowValues::of_copy(row);
        let row = HistoryRow::read(&mut values)?;
        Ok(Self { row, is_kept: values.i64_or_null()?.is_some(), hash: values.i64()? })
    }
}

fn order_id(row: &Bytes) -> Result<&str> {
    // The first of [`FACT_COLUMNS`].
    RowValues::of_copy(row).text()
}

fn read(row: &Bytes) -> Result<FactRow<'_>> {
    FactRow::read(&mut RowValues::of_copy(row))
}
