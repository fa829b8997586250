//! Totals of a view.

use super::ReadError;
use super::cut::Cut;
use super::reader::{Answer, Reader};
use super::source::{CutParams, Values, latest, open_dead_letters, within};
use super::statement::{Kind, Statement};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many orders have each status; a status that no order has is missing.
    pub by_status: Vec<(String, i64)>,
    /// How many records the history holds.
    pub records: i64,
    pub open_dead_letters: i64,
}

impl Reader {
    pub async fn stats(&self, cut: Option<&Cut>) -> Result<Answer<Stats>, ReadError> {
        let open = open_dead_letters(cut);
        let (orders, records) = match cut {
            None => ("{build}.orders".to_owned(), "true".to_owned()),
            Some(cut) => (latest(cut), within(cut)),
        };
        let text = format!(
            "/* views::read::stats::stats */
             SELECT o.status, count(*) FROM {orders} o GROUP BY o.status
             UNION ALL SELECT '', count(*) FROM {{build}}.order_history h WHERE {records}
             UNION ALL SELECT '!', count(*) FROM {{build}}.dead_letters l WHERE {open}"
        );
        let params = cut.map(CutParams::of);
        let values = Values::of(params.as_ref());
        let statement = Statement { kind: Kind::Planned, text, values };
        let rows = self.read("reading totals", cut, statement).await?;
        Ok(rows.map(|rows| {
            let mut stats = Stats::default();
            for row in rows {
                match (row.get::<_, &str>(0), row.get(1)) {
                    ("", count) => stats.records = count,
                    ("!", count) => stats.open_dead_letters = count,
                    (status, count) => stats.by_status.push((status.to_owned(), count)),
                }
            }
            stats
        }))
    }
}
