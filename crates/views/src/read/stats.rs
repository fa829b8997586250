//! Totals of a view: kept for now, counted for a cut.

use orders::Status;
use tokio_postgres::types::Type;

use super::ReadError;
use super::cut::Cut;
use super::reader::{Answer, Reader};
use super::source::{CutParams, Values, latest, open_dead_letters, within};
use super::statement::{Kind, Statement};
use crate::error::Error;
use crate::totals::{SUMS, Totals};

impl Reader {
    /// Now, from table `totals`; as of a cut, from the history.
    pub async fn stats(&self, cut: Option<&Cut>) -> Result<Answer<Totals>, ReadError> {
        let Some(cut) = cut else { return self.totals().await };
        let (orders, records, open) = (latest(cut), within(cut), open_dead_letters(Some(cut)));
        let text = format!(
            "/* views::read::stats::stats */
             SELECT o.status::text, count(*) FROM {orders} o GROUP BY o.status
             UNION ALL SELECT '', count(*) FROM {{build}}.order_history h WHERE {records}
             UNION ALL SELECT '!', count(*) FROM {{build}}.dead_letters l WHERE {open}"
        );
        let params = CutParams::of(cut);
        let values = Values::of(Some(&params));
        let statement = Statement { kind: Kind::Planned, text, values };
        let answer = self.read("reading totals", Some(cut), statement).await?;
        let mut totals = Totals::default();
        for row in answer.value.iter() {
            match (row.get::<_, &str>(0), row.get(1)) {
                ("", count) => totals.records = count,
                ("!", count) => totals.open_dead_letters = count,
                (code, count) => match status(code) {
                    Some(status) => totals.add_orders(status, count),
                    None => return Err(self.damaged_status(code, cut).await?.into()),
                },
            }
        }
        Ok(answer.map(|_| totals))
    }

    async fn totals(&self) -> Result<Answer<Totals>, ReadError> {
        let text = format!("/* views::read::stats::totals */ SELECT {SUMS} FROM {{build}}.totals t");
        let statement = Statement { kind: Kind::Point, text, values: Values::of(None) };
        let answer = self.read("reading totals", None, statement).await?;
        answer.try_map(|rows| rows.first().map(Totals::of).ok_or(Error::UnreadableRow))
    }

    /// The error that names an order whose status comes from a record that no version of the program writes.
    async fn damaged_status(&self, code: &str, cut: &Cut) -> Result<Error, ReadError> {
        let params = CutParams::of(cut);
        let mut values = Values::of(Some(&params));
        let (orders, wanted) = (latest(cut), values.bind(&code, Type::TEXT));
        let text = format!(
            "/* views::read::stats::damaged_status */ SELECT o.order_id FROM {orders} o WHERE o.status::text = {wanted} LIMIT 1"
        );
        let statement = Statement { kind: Kind::Planned, text, values };
        let rows = self.read("looking for a damaged order", Some(cut), statement).await?.value;
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
