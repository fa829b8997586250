//! Orders by id, and lists of them.

use orders::{OrderId, Status, Time};

use super::ReadError;
use super::cut::Cut;
use super::order::Order;
use super::reader::{Answer, Reader};
use super::source::{CutParams, Values, fold, incomplete};
use crate::sql::Timestamptz;

/// Which orders; no condition: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    pub customer_id: Option<String>,
    pub restaurant_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The latest first; of the same time, by `order_id`.
    #[default]
    LastUpdatedDescending,
    OrderId,
    OrderIdDescending,
}

/// The last order of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub order_id: String,
    /// Only sorting by it looks at it.
    pub last_updated: Time,
}

impl Reader {
    /// One order, `None` if there is none (within the cut).
    pub async fn order(&self, id: &OrderId, cut: Option<&Cut>) -> Result<Answer<Option<Order>>, ReadError> {
        let params = cut.map(CutParams::of);
        let mut values = Values::of(params.as_ref());
        let id = id.as_str();
        let id = values.bind(&id);
        let (columns, incomplete) = (Order::COLUMNS, incomplete(cut));
        let statement = match cut {
            None => format!(
                "/* views::read::order */
                 SELECT {columns}, {incomplete} FROM {{build}}.orders o WHERE o.order_id = {id}"
            ),
            Some(cut) => {
                let fold = fold(cut, &format!("AND h.order_id = {id}"), false);
                format!("/* views::read::order_as_of */ SELECT {columns}, {incomplete} FROM ({fold}) o")
            }
        };
        let rows = self.read("reading an order", cut, &statement, &values.0).await?;
        Ok(rows.map(|rows| rows.first().map(Order::of)))
    }

    /// At most `limit` orders, beginning after the one that `after` names.
    pub async fn orders(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&After>,
        limit: i64,
        cut: Option<&Cut>,
    ) -> Result<Answer<Vec<Order>>, ReadError> {
        let params = cut.map(CutParams::of);
        let mut values = Values::of(params.as_ref());
        let status = filter.status.map(Status::as_str);
        let mut conditions = format!(
            "({status} IS NULL OR o.status = {status}) AND ({customer} IS NULL OR o.customer_id = {customer})
                 AND ({restaurant} IS NULL OR o.restaurant_id = {restaurant})",
            status = values.bind(&status) + "::text",
            customer = values.bind(&filter.customer_id) + "::text",
            restaurant = values.bind(&filter.restaurant_id) + "::text",
        );
        let (last_id, last_time) = match after {
            Some(after) => (after.order_id.as_str(), Timestamptz(after.last_updated)),
            None => ("", Timestamptz(Time::from_postgres(0))),
        };
        // By id the fold of a cut can begin at the page and stop at its end.
        let mut only = String::new();
        if after.is_some() {
            let id = values.bind(&last_id);
            match sort {
                Sort::LastUpdatedDescending => {
                    let time = values.bind(&last_time);
                    conditions += &format!(
                        " AND (o.last_updated < {time} OR (o.last_updated = {time} AND o.order_id > {id}))"
                    );
                }
                Sort::OrderId => {
                    conditions += &format!(" AND o.order_id > {id}");
                    only = format!("AND h.order_id > {id}");
                }
                Sort::OrderIdDescending => {
                    conditions += &format!(" AND o.order_id < {id}");
                    only = format!("AND h.order_id < {id}");
                }
            }
        }
        let source = match cut {
            None => "{build}.orders".to_owned(),
            Some(cut) => format!("({})", fold(cut, &only, sort == Sort::OrderIdDescending)),
        };
        // The page is picked first: only its rows are printed and looked up in the letters.
        let statement = format!(
            "/* views::read::orders */ SELECT {columns}, {incomplete} FROM (
                 SELECT * FROM {source} o WHERE {conditions} ORDER BY {by} LIMIT {limit}
             ) o ORDER BY {by}",
            columns = Order::COLUMNS,
            incomplete = incomplete(cut),
            by = sort.sql(),
            limit = values.bind(&limit),
        );
        let rows = self.read("reading a list of orders", cut, &statement, &values.0).await?;
        Ok(rows.map(|rows| rows.iter().map(Order::of).collect()))
    }
}

impl Sort {
    fn sql(self) -> &'static str {
        match self {
            Self::LastUpdatedDescending => "o.last_updated DESC, o.order_id",
            Self::OrderId => "o.order_id",
            Self::OrderIdDescending => "o.order_id DESC",
        }
    }
}
