//! The orders that were updated last.

use orders::Status;
use tokio_postgres::types::Type;

use super::ReadError;
use super::order::Order;
use super::orders::After;
use super::reader::{Answer, Reader};
use super::rows::Page;
use super::source::{UpTo, Values, incomplete};
use super::statement::{Kind, Statement};
use crate::order_columns;

/// The records to look at for each order of a page. A record does not give a place on the page if a later one of its
/// order follows or outranks it.
const RECORDS_PER_ORDER: i64 = 8;

/// PostgreSQL numbers the pages of a table with 32 bits.
const MAX_PAGES: i64 = 1 << 32;

impl Reader {
    /// At most `limit` orders, the latest first, beginning after `after`. If it does not say that there are more, others may
    /// have been overlooked.
    pub(super) async fn recent(
        &self,
        status: Option<Status>,
        after: Option<&After>,
        limit: i64,
    ) -> Result<Answer<Page<Order>>, ReadError> {
        let (time, id) = match after {
            Some(after) => (UpTo::time(after.last_updated), after.order_id.as_str()),
            None => (UpTo::INFINITY, ""),
        };
        let status = status.map(|status| status.code() as i8);
        let one_more = limit.saturating_add(1);
        let records = one_more.saturating_mul(RECORDS_PER_ORDER);
        let (distances, pages) = samples();
        let mut values = Values::of(None);
        values.bind(&time, Type::TIMESTAMPTZ);
        values.bind(&id, Type::TEXT);
        values.bind(&status, Type::CHAR);
        values.bind(&one_more, Type::INT8);
        values.bind(&records, Type::INT8);
        values.bind(&distances, Type::INT8_ARRAY);
        values.bind(&pages, Type::INT4_ARRAY);
        let text = include_str!("recent.sql")
            .replace("{columns}", &order_columns::READ_OF_TABLE)
            .replace("{incomplete}", &incomplete(None));
        let statement = Statement { kind: Kind::PreparedScan, text, values };
        let answer = self.read("reading the latest orders", None, statement).await?;
        answer.try_map(|rows| Order::page(&rows, limit))
    }
}

/// Which pages of a table to look at, counted from its end, and for how many pages each of them stands: itself and those
/// between it and the one before. The distance from the end grows by a quarter from one to the next.
fn samples() -> (Vec<i64>, Vec<i32>) {
    let (mut distances, mut pages) = (Vec::new(), Vec::new());
    let mut before = 0;
    while before < MAX_PAGES {
        let distance = before + before / 4 + 1;
        distances.push(distance);
        pages.push((distance - before) as i32);
        before = distance;
    }
    (distances, pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_stand_for_all_pages() {
        let (distances, pages) = samples();
        assert_eq!(distances[..9], [1, 2, 3, 4, 6, 8, 11, 14, 18]);
        assert_eq!(pages[..9], [1, 1, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(Some(&pages.iter().copied().map(i64::from).sum()), distances.last());
        assert!(distances.len() < 110, "{}", distances.len());
    }
}
