//! A row of table `orders`: which columns it has, how the upsert merges each of them, and how a row is
//! read. Statements are made from this list. What is written out (the table, the public view, as_of.sql)
//! is compared with it by tests.

use std::borrow::Cow;
use std::sync::LazyLock;

use orders::OrderRow;

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
    /// The incoming fields are added to those of the row; if both have a field, the incoming one stays.
    Overlay,
    /// The incoming bytes follow those of the row.
    Append,
}

/// All columns, in the order in which the table declares them.
const COLUMNS: [(&str, Merge); 19] = [
    ("order_id", Merge::Key),
    ("status", Merge::Replace),
    ("last_updated", Merge::Replace),
    ("sequence", Merge::Replace),
    (FIRST_SEQUENCE, Merge::Replace),
    (WINNERS, Merge::Append),
    ("customer_id", Merge::Fill),
    ("restaurant_id", Merge::Fill),
    ("total_cents", Merge::Fill),
    ("currency", Merge::Fill),
    ("created_at", Merge::FillOnce),
    ("paid_at", Merge::FillOnce),
    ("shipped_at", Merge::FillOnce),
    ("delivered_at", Merge::FillOnce),
    ("cancelled_at", Merge::FillOnce),
    ("payment_method", Merge::Fill),
    ("courier_id", Merge::Fill),
    ("cancel_reason", Merge::Fill),
    ("details", Merge::Overlay),
];

/// Only the upsert reads it.
const FIRST_SEQUENCE: &str = "first_sequence";

/// Which records won; see [`crate::Winners`]. No reader outside of this program is shown it.
const WINNERS: &str = "winners";

pub(crate) const COLUMN_COUNT: i16 = COLUMNS.len() as i16;

/// All columns, as a list.
pub(crate) static ALL: LazyLock<String> = LazyLock::new(|| list(|_| true, str::to_owned));

/// What [`read`] reads, in its order: all columns but those that only writers need.
pub(crate) static READ: LazyLock<String> = LazyLock::new(|| list(is_shown, str::to_owned));

/// The same of a table or query `o`.
pub(crate) static READ_OF_O: LazyLock<String> = LazyLock::new(|| list(is_shown, |name| format!("o.{name}")));

fn is_shown(name: &str) -> bool {
    ![FIRST_SEQUENCE, WINNERS].contains(&name)
}

fn list(is_wanted: impl Fn(&str) -> bool, print: impl Fn(&str) -> String) -> String {
    let names = COLUMNS.iter().map(|(name, _)| *name);
    names.filter(|name| is_wanted(name)).map(print).collect::<Vec<_>>().join(", ")
}

/// The text of upsert.sql with its braces filled in.
pub(crate) fn upsert() -> String {
    let mut assignments = Vec::new();
    let mut conditions = String::new();
    for (name, merge) in COLUMNS {
        assignments.push(match merge {
            Merge::Key => continue,
            Merge::Replace => format!("{name} = excluded.{name}"),
            Merge::Append => format!("{name} = o.{name} || excluded.{name}"),
            Merge::Fill => format!("{name} = COALESCE(excluded.{name}, o.{name})"),
            Merge::FillOnce => {
                conditions.push_str(&format!("\n    AND (o.{name} IS NULL OR excluded.{name} IS NULL)"));
                format!("{name} = COALESCE(excluded.{name}, o.{name})")
            }
            Merge::Overlay => format!(
                "{name} = CASE WHEN excluded.{name} IS NULL THEN o.{name}
        WHEN o.{name} IS NULL THEN excluded.{name}
        ELSE o.{name} || excluded.{name} END"
            ),
        });
    }
    include_str!("apply/upsert.sql")
        .replace("{columns}", &ALL)
        .replace("{assignments}", &assignments.join(",\n    "))
        .replace("{conditions}", &conditions)
}

/// The text of replace.sql with its braces filled in.
pub(crate) fn replace() -> String {
    let assignments: Vec<_> = COLUMNS
        .iter()
        .filter(|(_, merge)| *merge != Merge::Key)
        .map(|(name, _)| format!("{name} = excluded.{name}"))
        .collect();
    include_str!("apply/replace.sql")
        .replace("{columns}", &ALL)
        .replace("{assignments}", &assignments.join(",\n    "))
}

/// Reads a row of [`READ`]: the order's id, and what the merge has made of its records.
pub(crate) fn read<'a>(values: &mut RowValues<'a>) -> Result<(&'a str, OrderRow<'a>)> {
    let order_id = values.text()?;
    let status = values.text()?.parse().map_err(|error| Error::DamagedOrder {
        order_id: order_id.to_owned(),
        cause: format!("column status: {error}"),
    })?;
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
        details: values.json_or_null()?.map(str::to_owned),
    };
    Ok((order_id, row))
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
        assert_eq!(declared(tables, "CREATE TABLE {build}.orders (", "\n) WITH"), names);
    }

    #[test]
    fn the_public_view_shows_all_that_is_read() {
        let (_, rest) =
            include_str!("build/public.sql").split_once("VIEW public.orders AS\nSELECT ").unwrap();
        let (columns, _) = rest.split_once("\nFROM").unwrap();
        assert_eq!(columns.split_whitespace().collect::<Vec<_>>().join(" "), *READ);
    }

    /// The aliases of the outer select of as_of.sql, or the columns themselves.
    #[test]
    fn the_fold_in_sql_makes_all_that_is_read() {
        let (select, _) = include_str!("read/as_of.sql").split_once("\nFROM (").unwrap();
        let mut depth = 0;
        let mut columns = vec![String::new()];
        for word in select.split_once("SELECT").unwrap().1.replace(',', " , ").split_whitespace() {
            depth += i32::from(word == "CASE") - i32::from(word == "END");
            depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
            if word == "," && depth == 0 {
                columns.push(String::new());
            } else {
                columns.last_mut().unwrap().push_str(&format!("{word} "));
            }
        }
        let names: Vec<_> = columns
            .iter()
            .map(|column| column.split_whitespace().next_back().unwrap().trim_start_matches("f."))
            .collect();
        assert_eq!(names.join(", "), *READ);
    }
}
