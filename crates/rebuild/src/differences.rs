//! What a verification found to differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use views::rebuild::Unequal;

/// Further differences are counted but not listed.
pub(crate) const LISTED: usize = 100;
/// Characters of a value; the rest is cut off.
const VALUE_LIMIT: usize = 200;

/// Columns that may differ between two builds of the same records.
const NOT_CONTENT: [&str; 2] = ["kept_by", "dead_lettered_at"];

/// What a verification found to differ between the log and the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Differences {
    /// How many values and rows differ in the stretches that were inspected.
    pub total: u64,
    /// How many stretches of the log differ and were not inspected.
    pub unexplored_stretches: u64,
    /// The first of the differences.
    pub listed: Vec<Difference>,
}

/// One value that is not what the log says, or a whole row if `column` is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// `order_history`, `dead_letters`, `orders` or `totals`.
    pub table: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = i32))]
    pub partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = i64))]
    pub offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub column: Option<String>,
    /// What follows from the log; null stands for NULL or for no row.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expected: Option<String>,
    /// What the table holds; null stands for NULL or for no row.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub found: Option<String>,
}

impl Differences {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0 && self.unexplored_stretches == 0
    }

    pub(crate) fn push(&mut self, mut difference: Difference) {
        self.total += 1;
        if self.listed.len() < LISTED {
            difference.expected = difference.expected.map(shorten);
            difference.found = difference.found.map(shorten);
            self.listed.push(difference);
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.total += other.total;
        self.unexplored_stretches += other.unexplored_stretches;
        let room = LISTED - self.listed.len();
        self.listed.extend(other.listed.into_iter().take(room));
    }
}

impl Differences {
    /// Adds the columns of a row that is not the same in the new build, as the log gives it, and in the live one.
    pub(crate) fn add_unequal(&mut self, unequal: &Unequal) {
        let row = Difference {
            table: unequal.table.into(),
            partition: Some(unequal.partition.0),
            offset: Some(unequal.offset.0),
            ..Difference::default()
        };
        let (Some(Value::Object(build)), Some(Value::Object(live))) = (&unequal.in_build, &unequal.in_live)
        else {
            let describe = |row: &Option<Value>| row.as_ref().map(|_| "a row".to_owned());
            let (expected, found) = (describe(&unequal.in_build), describe(&unequal.in_live));
            self.push(Difference { expected, found, ..row });
            return;
        };
        let text = |value: Option<&Value>| match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        for (column, expected) in build.iter().filter(|(name, _)| !NOT_CONTENT.contains(&name.as_str())) {
            let found = live.get(column);
            if Some(expected) != found {
                let (expected, found) = (text(Some(expected)), text(found));
                self.push(Difference { column: Some(column.clone()), expected, found, ..row.clone() });
            }
        }
    }

    /// A sentence about how many there are, with the first one.
    pub(crate) fn describe(&self, what: &str) -> String {
        let mut text = format!("{what} in {} values", self.total);
        if let Some(first) = self.listed.first() {
            text.push_str(&format!(". The first difference: {first}"));
        }
        text
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(VALUE_LIMIT) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.table)?;
        if let (Some(partition), Some(offset)) = (self.partition, self.offset) {
            write!(f, " partition {partition} offset {offset}")?;
        }
        if let Some(order_id) = &self.order_id {
            write!(f, " order {order_id}")?;
        }
        if let Some(column) = &self.column {
            write!(f, " {column}")?;
        }
        let describe = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
        write!(f, ": the log says {}, the table {}", describe(&self.expected), describe(&self.found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unequal_row_is_named_with_its_columns() {
        let unequal = |in_build: Value, in_live: Value| Unequal {
            table: "order_history",
            partition: orders::Partition(1),
            offset: orders::Offset(5),
            in_build: (!in_build.is_null()).then_some(in_build),
            in_live: Some(in_live),
        };
        let mut all = Differences::default();
        let build = serde_json::json!({"status": "paid", "sequence": 2, "details": null, "kept_by": null});
        let live = serde_json::json!({"status": "paid", "sequence": 3, "details": {"a": 1}, "kept_by": 9});
        all.add_unequal(&unequal(build, live.clone()));
        all.add_unequal(&unequal(Value::Null, live));
        let texts: Vec<String> = all.listed.iter().map(ToString::to_string).collect();
        let record = "order_history partition 1 offset 5";
        assert_eq!(
            texts,
            [
                format!(r#"{record} details: the log says nothing, the table {{"a":1}}"#),
                format!("{record} sequence: the log says 2, the table 3"),
                format!("{record}: the log says nothing, the table a row"),
            ]
        );
    }

    #[test]
    fn all_differences_are_counted_and_the_first_are_listed() {
        let mut all = Differences::default();
        for offset in 0..250 {
            all.push(Difference {
                offset: Some(offset),
                expected: Some("é".repeat(300)),
                ..Difference::default()
            });
        }
        assert_eq!((all.total, all.listed.len()), (250, LISTED));
        assert_eq!(all.listed[0].expected.as_ref().unwrap().chars().count(), VALUE_LIMIT + 1);
        let mut both = Differences::default();
        both.extend(all.clone());
        both.extend(all);
        assert_eq!((both.total, both.listed.len()), (500, LISTED));
    }
}
