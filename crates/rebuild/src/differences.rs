//! What a verification found to differ.

use serde::{Deserialize, Serialize};

/// Further differences are counted but not listed.
pub(crate) const LISTED: usize = 100;
/// Characters of a value; the rest is cut off.
const VALUE_LIMIT: usize = 200;

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
    /// `order_history`, `dead_letters` or `orders`.
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
