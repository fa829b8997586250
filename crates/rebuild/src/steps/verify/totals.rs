//! Table `totals`, against what the log and the history lead to.

use views::Totals;

use crate::differences::{Difference, Differences};

pub(super) fn compare(expected: &Totals, found: &Totals, differences: &mut Differences) {
    for ((column, expected), (_, found)) in expected.columns().zip(found.columns()) {
        if expected != found {
            differences.push(Difference {
                table: "totals".into(),
                column: Some(column.into()),
                expected: Some(expected.to_string()),
                found: Some(found.to_string()),
                ..Difference::default()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_is_named() {
        let (expected, mut found) = (Totals::default(), Totals::default());
        let mut differences = Differences::default();
        compare(&expected, &found, &mut differences);
        assert!(differences.is_empty());
        found.records = 7;
        compare(&expected, &found, &mut differences);
        assert_eq!(differences.total, 1);
        assert_eq!(differences.listed[0].to_string(), "totals records: the log says 0, the table 7");
    }
}
