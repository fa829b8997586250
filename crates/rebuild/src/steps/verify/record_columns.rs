//! The columns of one record in the history, as texts, to name those that differ.

use std::borrow::Cow;

use super::content::Content;

#[derive(Debug, PartialEq)]
pub(super) struct RecordColumns {
    /// Column and value.
    texts: [(&'static str, Option<String>); 9],
    /// The details by meaning: the texts of equal values may differ.
    details: Option<u64>,
}

/// A column whose two values differ.
#[derive(Debug, PartialEq)]
pub(super) struct DifferingColumn {
    pub(super) column: &'static str,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

impl RecordColumns {
    pub(super) fn new(content: &Content<'_>, details_text: Option<Cow<'_, str>>) -> Self {
        let texts = [
            ("order_id", Some(content.order_id.to_string())),
            ("event", Some(char::from(content.event).to_string())),
            ("sequence", Some(content.sequence.to_string())),
            ("event_id", Some(content.event_id.to_string())),
            ("occurred_at", Some(content.occurred_at.to_string())),
            ("appended_at", Some(content.appended_at.to_string())),
            ("details", details_text.map(Cow::into_owned)),
            ("trace_id", content.trace_id.map(|id| id.to_string())),
            ("decision", content.decision.map(|decision| decision.to_string())),
        ];
        Self { texts, details: content.details }
    }

    pub(super) fn order_id(&self) -> &str {
        self.texts[0].1.as_deref().unwrap_or_default()
    }

    pub(super) fn differing(&self, found: &Self) -> Vec<DifferingColumn> {
        let pairs = self.texts.iter().zip(&found.texts);
        let differing = pairs.filter(|(expected, other)| match expected.0 {
            "details" => self.details != found.details,
            _ => expected != other,
        });
        differing
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
    fn details_differ_by_meaning_and_all_else_by_text() {
        let log = RecordColumns::new(&content(1, "a"), Some(r#"{"a":1}"#.into()));
        let same = RecordColumns::new(&content(1, "a"), Some(r#"{"a": 1}"#.into()));
        assert_eq!(log.differing(&same), []);
        let mut other = content(1, "b");
        other.details = Some(4);
        let differing = log.differing(&RecordColumns::new(&other, Some(r#"{"a":2}"#.into())));
        let columns: Vec<_> = differing.iter().map(|one| one.column).collect();
        assert_eq!(columns, ["order_id", "details"]);
        assert_eq!(differing[1].expected.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(differing[1].found.as_deref(), Some(r#"{"a":2}"#));
    }
}
