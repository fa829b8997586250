//! Parts of the statements of reads: the values of a cut, and the orders and dead letters within it.

use bytes::{BufMut, BytesMut};
use orders::Time;
use tokio_postgres::types::{IsNull, ToSql, Type, accepts, to_sql_checked};

use super::cut::{Clock, Cut, dense};

/// The values of `$1` to `$3` of as_of.sql.
#[derive(Debug)]
pub(super) struct CutParams {
    time: UpTo,
    offsets: Option<Vec<i64>>,
    decision: i64,
}

/// A time or infinity, in microseconds since 2000 as PostgreSQL counts.
#[derive(Debug)]
pub(super) struct UpTo(i64);

impl UpTo {
    pub(super) const INFINITY: Self = Self(i64::MAX);

    pub(super) fn time(time: Time) -> Self {
        Self(time.to_postgres())
    }
}

impl ToSql for UpTo {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.put_i64(self.0);
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl CutParams {
    pub(super) fn of(cut: &Cut) -> Self {
        Self {
            time: cut.time.map_or(UpTo::INFINITY, |(time, _)| UpTo::time(time)),
            offsets: cut.offsets.as_ref().map(dense),
            decision: cut.decision.unwrap_or(i64::MAX),
        }
    }
}

/// The values of a statement in the order of their numbers, with their types.
pub(super) struct Values<'a>(Vec<(&'a (dyn ToSql + Sync), Type)>);

impl<'a> Values<'a> {
    /// The values of a cut come first.
    pub(super) fn of(params: Option<&'a CutParams>) -> Self {
        let mut values = Self(Vec::new());
        if let Some(params) = params {
            values.bind(&params.time, Type::TIMESTAMPTZ);
            values.bind(&params.offsets, Type::INT8_ARRAY);
            values.bind(&params.decision, Type::INT8);
        }
        values
    }

    /// Adds a value and returns the text of its parameter, such as `$4`.
    pub(super) fn bind(&mut self, value: &'a (dyn ToSql + Sync), of: Type) -> String {
        self.0.push((value, of));
        format!("${}", self.0.len())
    }

    pub(super) fn untyped(&self) -> Vec<&'a (dyn ToSql + Sync)> {
        self.0.iter().map(|(value, _)| *value).collect()
    }

    pub(super) fn typed(&self) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
        self.0.clone()
    }
}

/// The condition that a record `h` is within the cut, which is `$1` to `$3`.
pub(super) fn within(cut: &Cut) -> String {
    let time = clock(cut);
    format!(
        "h.{time} <= $1 AND ($2::bigint[] IS NULL OR h.\"offset\" < ($2::bigint[])[h.partition + 1]) \
         AND (h.decision IS NULL OR h.decision <= $3)"
    )
}

fn clock(cut: &Cut) -> &'static str {
    match cut.time {
        Some((_, Clock::Event)) => "occurred_at",
        _ => "appended_at",
    }
}

/// The orders of a cut, as a subquery in parentheses. `only` is a condition on `h` that leaves out all records
/// of some orders. The orders are sorted by id, descending if `descending`.
pub(super) fn fold(cut: &Cut, only: &str, descending: bool) -> String {
    include_str!("as_of.sql")
        .replace("{time}", clock(cut))
        .replace("{only}", only)
        .replace("{up}", if descending { "DESC" } else { "ASC" })
}

/// The id, `status` and `last_updated` of each order of a cut, as a subquery in parentheses.
pub(super) fn latest(cut: &Cut) -> String {
    include_str!("as_of_latest.sql").replace("{time}", clock(cut))
}

/// The condition that a dead letter `l` is open, or was open at the cut.
pub(super) fn open_dead_letters(cut: Option<&Cut>) -> String {
    let Some(cut) = cut else { return "l.state = 'open'".into() };
    // A dead letter has no event time: its record could not be read.
    let time = match cut.time {
        Some((_, Clock::Event)) => "",
        _ => "AND l.appended_at <= $1",
    };
    format!(
        "(l.state = 'open' OR l.decision > $3) {time} \
         AND ($2::bigint[] IS NULL OR l.\"offset\" < ($2::bigint[])[l.partition + 1])"
    )
}

/// Whether order `o` has a dead letter that is open, or was open at the cut.
pub(super) fn incomplete(cut: Option<&Cut>) -> String {
    incomplete_of("o.order_id", cut)
}

/// The same for an order id.
pub(super) fn incomplete_of(id: &str, cut: Option<&Cut>) -> String {
    let open = open_dead_letters(cut);
    // OFFSET 0: a look-up by the index for each order of a page, never a table of all that are open.
    format!("EXISTS (SELECT FROM {{build}}.dead_letters l WHERE l.order_id = {id} AND {open} OFFSET 0)")
}
