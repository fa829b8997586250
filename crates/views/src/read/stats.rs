//! Totals of a view.

use orders::Status;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::reader::{Answer, Reader};
use super::source::{CutParams, Values, latest, open_dead_letters, within};
use super::statement::{Kind, Statement};
use crate::error::Error;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many orders have each status; a status that no order has is missing.
    pub by_status: Vec<(Status, i64)>,
    /// How many records the history holds.
    pub records: i64,
    pub open_dead_letters: i64,
}

impl Reader {
    pub async fn stats(&self, cut: Option<&Cut>) -> Result<Answer<Stats>, ReadError> {
        let open = open_dead_letters(cut);
        let records = cut.map_or("true".to_owned(), within);
        let orders = orders(cut);
        let text = format!(
            "/* views::read::stats::stats */
             SELECT o.status::text, count(*) FROM {orders} o GROUP BY o.status
             UNION ALL SELECT '', count(*) FROM {{build}}.order_history h WHERE {records}
             UNION ALL SELECT '!', count(*) FROM {{build}}.dead_letters l WHERE {open}"
        );
        let params = cut.map(CutParams::of);
        let values = Values::of(params.as_ref());
        let statement = Statement { kind: Kind::Planned, text, values };
        let answer = self.read("reading totals", cut, statement).await?;
        let mut stats = Stats::default();
        for row in &answer.value {
            match (row.get::<_, &str>(0), row.get(1)) {
                ("", count) => stats.records = count,
                ("!", count) => stats.open_dead_letters = count,
                (code, count) => match status(code) {
                    Some(status) => stats.by_status.push((status, count)),
                    None => return Err(self.damaged_status(code, cut).await?.into()),
                },
            }
        }
        Ok(answer.map(|_| stats))
    }

    /// The error that names an order with a status that no version of the program writes.
    async fn damaged_status(&self, code: &str, cut: Option<&Cut>) -> Result<Error, ReadError> {
        let params = cut.map(CutParams::of);
        let mut values = Values::of(params.as_ref());
        let (orders, wanted) = (orders(cut), values.bind(&code, Type::TEXT));
        let text = format!(
            "/* views::read::stats::damaged_status */ SELECT o.order_id FROM {orders} o WHERE o.status::text = {wanted} LIMIT 1"
        );
        let statement = Statement { kind: Kind::Planned, text, values };
        let rows = self.read("looking for a damaged order", cut, statement).await?.value;
        Ok(match rows.first() {
            Some(row) => Error::DamagedOrder {
                order_id: row.get(0),
                cause: format!("column status: {code:?} stands for no status"),
            },
            // It was changed in between.
            None => Error::UnreadableRow,
        })
    }
}

fn status(code: &str) -> Option<Status> {
    let [code] = code.as_bytes() else { return None };
    Status::of_code(*code)
}

fn orders(cut: Option<&Cut>) -> String {
    cut.map_or("{build}.orders".to_owned(), latest)
}
