//! A row of table `orders`: which columns it has, how the upsert merges each of them, and how a row is
//! read. Statements are made from this list. What is written out (the table, the public view, as_of.sql)
//! is compared with it by tests.

use std::borrow::Cow;
use std::sync::LazyLock;

use orders::{OrderRow, Status};

use crate::error::{Error, Result};
use crate::row_values::RowValues;

/// What the upsert does to a column of a row that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Merge {
    /// It identifies the row.
    Key,
    /// The incoming value replaces it, because the incoming records outrank those of the row.
    Replace,
    /// It belongs to one event type: the incoming value replaces it if there is one.
    Fill,
    /// The time of one event type. If the row has this event type already, the upsert leaves it alone.
    FillOnce,
    /// The incoming members of an object follow those of the row: of the same name, the last one counts.
    AppendMembers,
    /// The incoming bytes follow those of the row.
    Append,
    /// It becomes what another column of the row was before.
    Before(&'static str),
}

/// All columns, in the order in which the table declares them.
const COLUMNS: [(&str, Merge); 20] = [
    ("created_at", Merge::FillOnce),
    ("total_cents", Merge::Fill),
    ("last_updated", Merge::Replace),
    ("paid_at", Merge::FillOnce),
    ("shipped_at", Merge::FillOnce),
    ("delivered_at", Merge::FillOnce),
    ("cancelled_at", Merge::FillOnce),
    ("sequence", Merge::Replace),
    (FIRST_SEQUENCE, Merge::Replace),
    (STATUS, Merge::Replace),
    (STATUS_BEFORE, Merge::Before(STATUS)),
    (WINNERS, Merge::Append),
    ("payment_method", Merge::Fill),
    ("courier_id", Merge::Fill),
    ("cancel_reason", Merge::Fill),
    (DETAILS, Merge::AppendMembers),
    ("order_id", Merge::Key),
    ("customer_id", Merge::Fill),
    ("restaurant_id", Merge::Fill),
    ("currency", Merge::Fill),
];

/// What readers are shown, in the order in which they are shown it.
const SHOWN: [&str; 17] = [
    "order_id",
    STATUS,
    "last_updated",
    "sequence",
    "customer_id",
    "restaurant_id",
    "total_cents",
    "currency",
    "created_at",
    "paid_at",
    "shipped_at",
    "delivered_at",
    "cancelled_at",
    "payment_method",
    "courier_id",
    "cancel_reason",
    DETAILS,
];

/// The members of a JSON object, without its braces.
const DETAILS: &str = "details";

const STATUS: &str = "status";

/// What the statement that writes a row returns, so that the totals can be kept. No reader is shown it.
const STATUS_BEFORE: &str = "status_before";

/// Only the upsert reads it.
const FIRST_SEQUENCE: &str = "first_sequence";

/// Which records won; see [`crate::Winners`]. No reader outside of this program is shown it.
const WINNERS: &str = "winners";

pub(crate) const COLUMN_COUNT: i16 = COLUMNS.len() as i16;

/// All columns, as a list.
pub(crate) static ALL: LazyLock<String> =
    LazyLock::new(|| COLUMNS.map(|(name, _)| name.to_owned()).join(", "));

/// What [`read`] reads of the table, in its order.
pub(crate) static READ: LazyLock<String> = LazyLock::new(|| shown("", "'{' || details || '}'"));

/// The same of a table `o`.
pub(crate) static READ_OF_TABLE: LazyLock<String> = LazyLock::new(|| shown("o.", "'{' || o.details || '}'"));

/// The same of an as-of query `o`, which merges objects.
pub(crate) static READ_OF_FOLD: LazyLock<String> = LazyLock::new(|| shown("o.", "o.details::text"));

fn shown(prefix: &str, details: &str) -> String {
    let column = |name| if name == DETAILS { details.to_owned() } else { format!("{prefix}{name}") };
    SHOWN.map(column).join(", ")
}

/// The text of upsert.sql with its braces filled in.
pub(crate) fn upsert() -> String {
    merge(include_str!("apply/upsert.sql"), "excluded")
}

/// The text of update.sql with its braces filled in.
pub(crate) fn update() -> String {
    merge(include_str!("apply/update.sql"), "incoming")
}

/// `new`: what the statement calls an incoming row.
fn merge(statement: &str, new: &str) -> String {
    let mut assignments = Vec::new();
    let mut conditions = String::new();
    for (name, merge) in COLUMNS {
        assignments.push(match merge {
            Merge::Key => continue,
            Merge::Replace => format!("{name} = {new}.{name}"),
            Merge::Append => format!("{name} = o.{name} || {new}.{name}"),
            Merge::Before(of) => format!("{name} = o.{of}"),
            Merge::Fill => format!("{name} = COALESCE({new}.{name}, o.{name})"),
            Merge::FillOnce => {
                conditions.push_str(&format!("\n    AND (o.{name} IS NULL OR {new}.{name} IS NULL)"));
                format!("{name} = COALESCE({new}.{name}, o.{name})")
            }
            Merge::AppendMembers => {
                format!("{name} = COALESCE(o.{name} || ',' || {new}.{name}, {new}.{name}, o.{name})")
            }
        });
    }
    statement
        .replace("{columns}", &ALL)
        .replace("{assignments}", &assignments.join(",\n    "))
        .replace("{conditions}", &conditions)
}

/// The text of replace.sql with its braces filled in.
pub(crate) fn replace() -> String {
    let assignments: Vec<_> = COLUMNS
        .iter()
        .filter_map(|(name, merge)| match merge {
            Merge::Key => None,
            Merge::Before(of) => Some(format!("{name} = o.{of}")),
            _ => Some(format!("{name} = excluded.{name}")),
        })
        .collect();
    include_str!("apply/replace.sql")
        .replace("{columns}", &ALL)
        .replace("{assignments}", &assignments.join(",\n    "))
}

/// Reads a row of [`READ`]: the order's id, and what the merge has made of its records. The details are as they are
/// stored.
pub(crate) fn read<'a>(values: &mut RowValues<'a>) -> Result<(&'a str, OrderRow<'a>)> {
    let order_id = values.text()?;
    let status = status(order_id, values.code()?)?;
    let (last_updated, sequence) = (values.time()?, values.i32()?);
    let text = |values: &mut RowValues<'a>| Ok::<_, Error>(values.text_or_null()?.map(Cow::Borrowed));
    let row = OrderRow {
        status,
        last_updated,
        sequence,
        customer_id: text(values)?,
        restaurant_id: text(values)?,
        total_cents: values.i64_or_null()?,
        currency: text(values)?,
        created_at: values.time_or_null()?,
        paid_at: values.time_or_null()?,
        shipped_at: values.time_or_null()?,
        delivered_at: values.time_or_null()?,
        cancelled_at: values.time_or_null()?,
        payment_method: text(values)?,
        courier_id: text(values)?,
        cancel_reason: text(values)?,
        details: values.text_or_null()?.map(str::to_owned),
    };
    Ok((order_id, row))
}

/// The status that a code stands for.
pub(crate) fn status(order_id: &str, code: u8) -> Result<Status> {
    Status::of_code(code).ok_or_else(|| Error::DamagedOrder {
        order_id: order_id.to_owned(),
        cause: format!("column status: {:?} stands for no status", char::from(code)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first word of each line between `begin` and `end`: the names of declared columns.
    fn declared<'a>(sql: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
        let (_, rest) = sql.split_once(begin).unwrap();
        let (body, _) = rest.split_once(end).unwrap();
        body.lines().filter_map(|line| line.split_whitespace().next()).collect()
    }

    #[test]
    fn the_table_declares_these_columns_in_this_order() {
        let tables = include_str!("build/tables.sql");
        let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(declared(tables, "CREATE TABLE {build}.orders (", "\n) {divided}"), names);
    }

    /// The aliases of the outer select of a query, or the columns themselves.
    fn selected(select: &str) -> Vec<&str> {
        let mut depth = 0;
        let mut columns = Vec::new();
        let mut last = "";
        for word in select.split_whitespace() {
            depth += i32::from(word == "CASE") - i32::from(word == "END");
            depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
            last = word.trim_end_matches(',');
            if word.ends_with(',') && depth == 0 {
                columns.push(last.trim_start_matches("f."));
            }
        }
        columns.push(last.trim_start_matches("f."));
        columns
    }

    #[test]
    fn the_public_view_shows_all_that_is_read() {
        let (_, rest) =
            include_str!("build/public.sql").split_once("VIEW public.orders AS\nSELECT ").unwrap();
        let (columns, _) = rest.split_once("\nFROM").unwrap();
        assert_eq!(selected(columns), SHOWN);
    }

    #[test]
    fn the_fold_in_sql_makes_all_that_is_read() {
        let (select, _) = include_str!("read/as_of.sql").split_once("\nFROM (").unwrap();
        assert_eq!(selected(select.split_once("SELECT").unwrap().1), SHOWN);
    }

    #[test]
    fn all_columns_but_three_are_shown() {
        let mut stored: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        stored.retain(|name| ![STATUS_BEFORE, FIRST_SEQUENCE, WINNERS].contains(name));
        stored.sort_unstable();
        let mut shown = SHOWN;
        shown.sort_unstable();
        assert_eq!(stored, shown);
    }
}
