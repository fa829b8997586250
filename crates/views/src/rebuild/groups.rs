//! The history, order by order, for the fold. Memory is bounded whatever the number
//! of orders, and whatever the number of records of one.

use bytes::Bytes;
use orders::{Fact, Fields, LogOrder, Offset, OrderState, Partition};

use super::copy_out::{Columns, CopyRows};
use super::range::OrderRange;
use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// More rows of one order are folded down to the winners among them.
const COMPACT_AT: usize = 1024;

/// The records of one order, of which those that lost already may be missing.
#[derive(Debug, Default)]
pub struct OrderGroup {
    rows: Vec<Bytes>,
    /// How many there were.
    pub records: usize,
}

/// All orders of a range, in the order of their ids.
pub struct OrderGroups {
    rows: CopyRows,
    next: Option<Bytes>,
}

impl OrderGroups {
    /// The session serves nothing else meanwhile.
    pub async fn open(session: &Session, build: Build, range: &OrderRange) -> Result<Self> {
        let query = for_build(
            &format!(
                "/* views::rebuild::groups */ SELECT order_id, partition, \"offset\", event, sequence, occurred_at,
                     appended_at, details::text
                 FROM {{build}}.order_history WHERE {} ORDER BY order_id",
                range.condition()
            ),
            build,
        );
        let mut rows = CopyRows::open(session, "reading the history order by order", &query).await?;
        let next = rows.next().await?;
        Ok(Self { rows, next })
    }

    pub async fn next(&mut self) -> Result<Option<OrderGroup>> {
        let Some(first) = self.next.take() else { return Ok(None) };
        let mut group = OrderGroup { rows: vec![first], records: 1 };
        while let Some(row) = self.rows.next().await? {
            if order_id(&row)? != order_id(&group.rows[0])? {
                self.next = Some(row);
                break;
            }
            group.push(row)?;
        }
        Ok(Some(group))
    }
}

impl OrderGroup {
    fn push(&mut self, row: Bytes) -> Result<()> {
        self.rows.push(row);
        self.records += 1;
        if self.rows.len() >= COMPACT_AT {
            let (_, state) = self.fold()?;
            let winners: Vec<LogOrder> = state.winners().map(|fact| fact.at).collect();
            let mut kept = Vec::with_capacity(COMPACT_AT);
            for row in &self.rows {
                if winners.contains(&fact(row)?.1.at) {
                    kept.push(row.clone());
                }
            }
            self.rows = kept;
        }
        Ok(())
    }

    /// The order's id and state.
    pub fn fold(&self) -> Result<(&str, OrderState<'_>)> {
        let mut state = OrderState::default();
        let mut id = "";
        for row in &self.rows {
            let (order_id, fact) = fact(row)?;
            id = order_id;
            state.add(fact);
        }
        Ok((id, state))
    }
}

fn order_id(row: &Bytes) -> Result<&str> {
    Columns::of(row).text()
}

fn fact(row: &Bytes) -> Result<(&str, Fact<'_>)> {
    let mut columns = Columns::of(row);
    let order_id = columns.text()?;
    let (partition, offset) = (Partition(columns.i32()?), Offset(columns.i64()?));
    let event = columns.text()?.parse().map_err(|error| {
        Error::Unusable(format!("the history holds an event of another version: {error}"))
    })?;
    let sequence = columns.i32()?;
    let occurred_at = columns.time()?;
    let at = LogOrder { appended_at: columns.time()?, partition, offset };
    let fields = match columns.text_or_null()? {
        None => Fields::default(),
        Some(json) => Fields::from_object(json).map_err(|error| {
            Error::Unusable(format!("the history holds details that are no object: {error}"))
        })?,
    };
    Ok((order_id, Fact { event, sequence, at, occurred_at, fields }))
}
