//! docs/faults.md and the tests of this program name each other.

use std::collections::BTreeSet;
use std::path::Path;

/// The words of a text that are names of fault tests.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_part(c));
    words.filter(|word| is_name(word)).map(str::to_owned).collect()
}

fn is_name(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("fault_") else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits == 2 && rest[2..].starts_with('_') && rest.len() > 3
}

#[test]
fn the_document_names_exactly_the_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("../docs/faults.md")).unwrap();
    let mut tests = BTreeSet::new();
    for file in std::fs::read_dir(root.join("tests/faults")).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with(file!().rsplit('/').next().unwrap()) {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for (before, after) in text.match_indices("fn fault_").map(|(at, _)| text.split_at(at)) {
            let name = after.trim_start_matches("fn ").split('(').next().unwrap();
            assert!(is_name(name), "{name} is not of the form fault_NN_words");
            let attributes = before.lines().rev().skip(1).take_while(|line| line.starts_with("#["));
            let is_test = attributes.clone().any(|line| line.ends_with("test]"));
            assert!(is_test, "{name} has no #[test]");
            tests.insert(name.to_owned());
        }
    }
    let documented = names(&document);
    let missing: Vec<_> = tests.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/faults.md does not name these tests: {missing:?}");
    let gone: Vec<_> = documented.difference(&tests).collect();
    assert!(gone.is_empty(), "docs/faults.md names tests that do not exist: {gone:?}");
}

/// Every fault has a row, with or without a test.
#[test]
fn the_document_has_one_row_per_fault() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let document = std::fs::read_to_string(path).unwrap();
    for number in 1..=33 {
        let rows = document.lines().filter(|line| line.starts_with(&format!("| {number} |"))).count();
        assert_eq!(rows, 1, "number of rows of fault {number}");
    }
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let number = line.split('|').nth(1).unwrap().trim();
        for name in names(line) {
            assert_eq!(name[6..8].parse::<u32>().ok(), number.parse().ok(), "{name} in the row of {number}");
        }
    }
}
