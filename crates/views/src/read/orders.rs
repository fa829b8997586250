//! Orders by id, and lists of them.

use orders::{OrderId, Status, Time};
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::order::Order;
use super::reader::{Answer, Reader};
use super::rows::{Page, Rows};
use super::source::{CutParams, Values, fold, incomplete, incomplete_of, latest};
use super::statement::{Kind, Statement, lacks_details};
use crate::order_columns;
use crate::sql::Timestamptz;

/// Which orders to list. Without a condition, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    pub customer_id: Option<String>,
    pub restaurant_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The latest first; orders of the same time by `order_id`.
    #[default]
    LastUpdatedDescending,
    OrderId,
    OrderIdDescending,
}

/// The last order of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub order_id: String,
    /// Only needed where the list is sorted by it.
    pub last_updated: Time,
}

impl Reader {
    /// One order; `None` if there is no such order (within the cut).
    pub async fn order(&self, id: &OrderId, cut: Option<&Cut>) -> Result<Answer<Option<Order>>, ReadError> {
        if let Some(cut) = cut {
            return self.order_as_of(id, cut).await;
        }
        let mut answer = self.order_row(id, Kind::Point).await?;
        if answer.value.first().is_some_and(lacks_details) {
            drop(answer);
            answer = self.order_row(id, Kind::LargePoint).await?;
        }
        answer.try_map(|rows| rows.first().map(Order::of).transpose())
    }

    async fn order_row(&self, id: &OrderId, kind: Kind) -> Result<Answer<Rows>, ReadError> {
        let mut values = Values::of(None);
        let id = id.as_str();
        let id = values.bind(&id, Type::TEXT);
        let (columns, lacks_details) = kind.guard(&order_columns::READ_OF_TABLE, "o.details");
        let incomplete = incomplete_of(&id, None);
        let text = format!(
            "/* views::read::orders::order */
             SELECT {columns}, {incomplete}, {lacks_details} FROM {{build}}.orders o WHERE o.order_id = {id}"
        );
        self.read("reading an order", None, Statement { kind, text, values }).await
    }

    /// At most `limit` orders, beginning after the one that `after` names; fewer if they are large.
    pub async fn orders(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&After>,
        limit: i64,
        cut: Option<&Cut>,
    ) -> Result<Answer<Page<Order>>, ReadError> {
        // One customer or restaurant has too few orders to be found among the latest.
        let are_many = filter.customer_id.is_none() && filter.restaurant_id.is_none();
        if cut.is_none() && sort == Sort::LastUpdatedDescending && are_many {
            let answer = self.recent(filter.status, after, limit).await?;
            if answer.value.has_more {
                return Ok(answer);
            }
        }
        if let Some(cut) = cut
            && *filter == Filter::default()
            && sort != Sort::LastUpdatedDescending
            && let Some(answer) = self.orders_as_of(sort, after, limit, cut).await?
        {
            return Ok(answer);
        }
        self.page(filter, sort, after, limit, cut).await
    }

    async fn page(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&After>,
        limit: i64,
        cut: Option<&Cut>,
    ) -> Result<Answer<Page<Order>>, ReadError> {
        let one_more = limit.saturating_add(1);
        let params = cut.map(CutParams::of);
        let status = filter.status.map(|status| status.code() as i8);
        let (id, time) = match after {
            Some(after) => (Some(after.order_id.as_str()), Some(Timestamptz(after.last_updated))),
            None => (None, None),
        };
        let mut values = Values::of(params.as_ref());
        let page_sql = PageSql {
            status: values.bind(&status, Type::CHAR),
            customer: values.bind(&filter.customer_id, Type::TEXT),
            restaurant: values.bind(&filter.restaurant_id, Type::TEXT),
            id: values.bind(&id, Type::TEXT),
            time: values.bind(&time, Type::TIMESTAMPTZ),
            limit: values.bind(&one_more, Type::INT8),
            first: after.is_none(),
            sort,
        };
        // The page is picked first, so that only its rows are looked up in the dead letters.
        let page = match cut {
            None => page_sql.page("{build}.orders"),
            Some(cut) => page_sql.page_as_of(cut, filter),
        };
        let columns =
            if cut.is_none() { &order_columns::READ_OF_TABLE } else { &order_columns::READ_OF_FOLD };
        let (columns, incomplete, by) = (columns.as_str(), incomplete(cut), sort.sql());
        let text = format!(
            "/* views::read::orders::orders */ SELECT {columns}, {incomplete} FROM {page} o ORDER BY {by}"
        );
        let streamed = cut.is_some() && sort != Sort::LastUpdatedDescending;
        let kind = if streamed { Kind::PlannedStream } else { Kind::Planned };
        let statement = Statement { kind, text, values };
        let answer = self.read("reading a list of orders", cut, statement).await?;
        answer.try_map(|rows| Order::page(&rows, limit))
    }
}

/// Makes the SQL of a page; holds the numbers of its parameters, such as `$4`.
struct PageSql {
    status: String,
    customer: String,
    restaurant: String,
    id: String,
    time: String,
    limit: String,
    first: bool,
    sort: Sort,
}

impl PageSql {
    /// A page out of a table or query of complete orders.
    fn page(&self, source: &str) -> String {
        let Self { status, customer, restaurant, limit, .. } = self;
        let (after, by) = (self.after(), self.sort.sql());
        format!(
            "(SELECT * FROM {source} o
             WHERE ({status} IS NULL OR o.status = {status})
                 AND ({customer}::text IS NULL OR o.customer_id = {customer})
                 AND ({restaurant}::text IS NULL OR o.restaurant_id = {restaurant})
                 AND {after}
             ORDER BY {by} LIMIT {limit})"
        )
    }

    /// A page out of the fold of a cut, without folding more orders than needed.
    fn page_as_of(&self, cut: &Cut, filter: &Filter) -> String {
        let Self { status, customer, restaurant, id, limit, .. } = self;
        let mut only = match self.sort {
            Sort::LastUpdatedDescending => String::new(),
            _ if self.first => String::new(),
            Sort::OrderId => format!("AND h.order_id > {id}"),
            Sort::OrderIdDescending => format!("AND h.order_id < {id}"),
        };
        if filter.customer_id.is_some() || filter.restaurant_id.is_some() {
            // Orders with a record that holds the wanted value; the fold decides whether that record wins.
            only += &format!(
                " AND h.order_id IN (SELECT c.order_id FROM {{build}}.order_history c WHERE c.event = 'C'
                     AND ({customer}::text IS NULL OR c.details::jsonb ->> 'customer_id' = {customer})
                     AND ({restaurant}::text IS NULL OR c.details::jsonb ->> 'restaurant_id' = {restaurant}))"
            );
        } else if self.sort == Sort::LastUpdatedDescending {
            let (latest, after, by) = (latest(cut), self.after(), self.sort.sql());
            let fold = fold(cut, "AND h.order_id = p.order_id", false);
            return format!(
                "(SELECT f.* FROM (
                     SELECT o.order_id FROM {latest} o
                     WHERE ({status} IS NULL OR o.status = {status}) AND {after} ORDER BY {by} LIMIT {limit}
                 ) p CROSS JOIN LATERAL {fold} f)"
            );
        }
        self.page(&fold(cut, &only, self.sort == Sort::OrderIdDescending))
    }

    /// Orders `o` that come after the page before.
    fn after(&self) -> String {
        let Self { id, time, .. } = self;
        if self.first {
            return "true".into();
        }
        match self.sort {
            Sort::LastUpdatedDescending => {
                format!("(o.last_updated < {time} OR o.last_updated = {time} AND o.order_id > {id})")
            }
            Sort::OrderId => format!("o.order_id > {id}"),
            Sort::OrderIdDescending => format!("o.order_id < {id}"),
        }
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
