//! A page of orders by id as of a cut: their records are read along the btree and merged here by the domain's own fold.

use orders::OrderState;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::order::Order;
use super::orders::{After, Sort};
use super::reader::{Answer, Reader};
use super::rows::Page;
use super::source::{CutParams, Values, incomplete_of, within};
use super::statement::{Kind, Statement};
use crate::error::Error;
use crate::history::{FACT_COLUMNS, FactRow};
use crate::row_values::RowValues;

/// A page with more records is merged in SQL, so that memory stays bounded.
const MERGED_HERE: i64 = 256;
/// The same for each order that a page may have.
const MERGED_HERE_PER_ORDER: i64 = 8;

impl Reader {
    /// At most `limit` orders by id, beginning after `after`; `None` if they have many records, or large ones.
    pub(super) async fn orders_as_of(
        &self,
        sort: Sort,
        after: Option<&After>,
        limit: i64,
        cut: &Cut,
    ) -> Result<Option<Answer<Page<Order>>>, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let id = after.map(|after| after.order_id.as_str());
        let one_more = limit.saturating_add(1);
        let bound = MERGED_HERE.saturating_add(one_more.saturating_mul(MERGED_HERE_PER_ORDER));
        let records = bound.saturating_add(1);
        let (up, beyond) = match sort {
            Sort::OrderIdDescending => ("DESC", "<"),
            _ => ("ASC", ">"),
        };
        let only = match &id {
            Some(id) => format!("AND h.order_id {beyond} {}", values.bind(id, Type::TEXT)),
            None => String::new(),
        };
        let (places, records) = (values.bind(&one_more, Type::INT8), values.bind(&records, Type::INT8));
        let (within, incomplete) = (within(cut), incomplete_of("h.order_id", Some(cut)));
        // The scan ends at the first record of the order behind the page, since the rank can only grow.
        let text = format!(
            "/* views::read::orders_as_of::orders_as_of */
             SELECT {FACT_COLUMNS}, {incomplete}
             FROM (
                 SELECT {FACT_COLUMNS}, dense_rank() OVER (ORDER BY h.order_id {up}) AS place
                 FROM {{build}}.order_history h WHERE {within} {only}
             ) h
             WHERE h.place <= {places} ORDER BY h.order_id {up} LIMIT {records}"
        );
        let statement = Statement { kind: Kind::PreparedStream, text, values };
        let answer = self.read("reading a list of orders as of a cut", Some(cut), statement).await?;
        if answer.value.are_cut_short || answer.value.len() as i64 > bound {
            return Ok(None);
        }
        answer
            .try_map(|rows| {
                let mut orders = merge(rows.iter())?;
                let has_more = orders.len() as i64 > limit;
                orders.truncate(usize::try_from(limit).unwrap_or_default());
                Ok(Page { rows: orders, has_more })
            })
            .map(Some)
    }
}

/// Merges records that follow each other order by order. The rows are [`FACT_COLUMNS`] and, behind these, `incomplete`.
pub(super) fn merge<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<Vec<Order>, Error> {
    let (mut orders, mut facts) = (Vec::new(), Vec::new());
    for row in rows {
        let mut values = RowValues::of_query(row);
        facts.push((FactRow::read(&mut values)?, values.bool()?));
    }
    for facts in facts.chunk_by(|(one, _), (next, _)| one.order_id == next.order_id) {
        let mut state = OrderState::default();
        for (fact, _) in facts {
            state.add(fact.fact()?);
        }
        let (first, is_incomplete) = facts[0];
        if let Some(row) = state.row() {
            orders.push(Order::new(first.order_id, row, is_incomplete)?);
        }
    }
    Ok(orders)
}
