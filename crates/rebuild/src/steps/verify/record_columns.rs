//! The columns of one record in the history, as texts, to name those that differ.

use super::content::Content;

/// Column and value of each.
#[derive(Debug, PartialEq)]
pub(super) struct RecordColumns([(&'static str, Option<String>); 9]);

/// A column whose two values differ.
#[derive(Debug, PartialEq)]
pub(super) struct DifferingColumn {
    pub(super) column: &'static str,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

impl RecordColumns {
    pub(super) fn new(content: &Content<'_>) -> Self {
        Self([
            ("order_id", Some(content.order_id.to_string())),
            ("event", Some(char::from(content.event).to_string())),
            ("sequence", Some(content.sequence.to_string())),
            ("event_id", Some(content.event_id.to_string())),
            ("occurred_at", Some(content.occurred_at.to_string())),
            ("appended_at", Some(content.appended_at.to_string())),
            ("details", content.details.map(str::to_owned)),
            ("trace_id", content.trace_id.map(|id| id.to_string())),
            ("decision", content.decision.map(|decision| decision.to_string())),
        ])
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|(_, value)| value.as_ref().map_or(0, String::len)).sum()
    }

    pub(super) fn order_id(&self) -> &str {
        self.0[0].1.as_deref().unwrap_or_default()
    }

    pub(super) fn differing(&self, found: &Self) -> Vec<DifferingColumn> {
        let pairs = self.0.iter().zip(&found.0);
        pairs
            .filter(|(expected, found)| expected != found)
            .map(|((column, expected), (_, found))| DifferingColumn {
                column,
                expected: expected.clone(),
                found: found.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::verify::content::tests::content;

    #[test]
    fn columns_differ_by_their_texts() {
        let log = RecordColumns::new(&content(1, "a"));
        assert_eq!(log.differing(&RecordColumns::new(&content(1, "a"))), []);
        let mut other = content(1, "b");
        other.details = Some(r#"{"a": 1}"#);
        let differing = log.differing(&RecordColumns::new(&other));
        let columns: Vec<_> = differing.iter().map(|one| one.column).collect();
        assert_eq!(columns, ["order_id", "details"]);
        assert_eq!(differing[1].expected.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(differing[1].found.as_deref(), Some(r#"{"a": 1}"#));
    }
}
