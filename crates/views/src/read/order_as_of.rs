//! One order as of a cut: its few records are found by the btree and merged here by the domain's own
//! fold, for about the price of reading the order as it is now.

use orders::OrderId;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::order::Order;
use super::orders_as_of::merge;
use super::reader::{Answer, Reader};
use super::rows::Rows;
use super::source::{CutParams, Values, fold, incomplete, incomplete_of, within};
use super::statement::{Kind, Statement, lacks_details};
use super::turns::LARGE_BYTES;
use crate::history::FACT_COLUMNS;
use crate::order_columns;

/// An order with more records, whether or not they lie within the cut, or with large ones, is merged in SQL, so that memory
/// stays bounded and this look-up never takes long.
const MERGED_HERE: usize = 256;

const WITHIN: &str = "is_within";

impl Reader {
    pub(super) async fn order_as_of(
        &self,
        id: &OrderId,
        cut: &Cut,
    ) -> Result<Answer<Option<Order>>, ReadError> {
        let mut answer = self.order_records(id, cut, Kind::Point).await?;
        if answer.value.iter().any(lacks_details) || answer.value.bytes >= LARGE_BYTES {
            drop(answer);
            answer = self.order_records(id, cut, Kind::LargePoint).await?;
        }
        if answer.value.are_cut_short || answer.value.len() > MERGED_HERE {
            drop(answer);
            return self.long_order_as_of(id, cut).await;
        }
        answer.try_map(|rows| {
            let is_within = |row: &&Row| row.get::<_, bool>(WITHIN);
            Ok(merge(rows.iter().filter(is_within))?.pop())
        })
    }

    /// Reads the order's records, and whether they lie within the cut.
    async fn order_records(&self, id: &OrderId, cut: &Cut, kind: Kind) -> Result<Answer<Rows>, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let order = id.as_str();
        let order = values.bind(&order, Type::TEXT);
        let (within, incomplete) = (within(cut), incomplete_of(&order, Some(cut)));
        let (columns, lacks_details) = kind.guard(FACT_COLUMNS, "details");
        let limit = MERGED_HERE + 1;
        let text = format!(
            "/* views::read::order_as_of::order_as_of */
             SELECT {columns}, {incomplete}, ({within}) IS TRUE AS {WITHIN}, {lacks_details}
             FROM (SELECT * FROM {{build}}.order_history WHERE order_id = {order} LIMIT {limit}) h"
        );
        self.read("reading an order as of a cut", Some(cut), Statement { kind, text, values }).await
    }

    async fn long_order_as_of(&self, id: &OrderId, cut: &Cut) -> Result<Answer<Option<Order>>, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let id = id.as_str();
        let id = values.bind(&id, Type::TEXT);
        let (columns, incomplete) = (order_columns::READ_OF_FOLD.as_str(), incomplete(Some(cut)));
        let fold = fold(cut, &format!("AND h.order_id = {id}"), false);
        let text = format!(
            "/* views::read::order_as_of::long_order_as_of */ SELECT {columns}, {incomplete} FROM {fold} o"
        );
        let statement = Statement { kind: Kind::Planned, text, values };
        let rows = self.read("reading a long order as of a cut", Some(cut), statement).await?;
        rows.try_map(|rows| rows.first().map(Order::of).transpose())
    }
}
