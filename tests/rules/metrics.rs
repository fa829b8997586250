//! Every metric has a help text, and every help text a metric.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::rust::{self, Kind, Token};
use crate::tree::{self, File};

/// The first argument of each macro with a name such as `counter` or, with the prefix, `describe_counter`: the name of a
/// metric, or of a constant that holds it.
fn names(tokens: &[Token], prefix: &str) -> BTreeSet<String> {
    let kinds = ["counter", "gauge", "histogram"].map(|kind| format!("{prefix}{kind}"));
    let is_macro =
        |call: &[Token]| kinds.iter().any(|kind| rust::begins_with(call, &[kind.as_str(), "!", "("]));
    let calls = tokens.windows(4).filter(|call| is_macro(call) && call[3].kind != Kind::Mark);
    calls.map(|call| call[3].text.clone()).collect()
}

fn complaints(sources: &[&str]) -> Vec<String> {
    let all = |prefix| -> BTreeSet<String> {
        sources.iter().flat_map(|source| names(&rust::without_tests(source), prefix)).collect()
    };
    let (recorded, described) = (all(""), all("describe_"));
    let without = recorded.difference(&described).map(|name| format!("{name}: has no help text"));
    without.chain(described.difference(&recorded).map(|name| format!("{name}: is not recorded"))).collect()
}

#[test]
fn every_metric_is_described() {
    let sources =
        tree::files().iter().filter(|file| file.has_extension("rs") && !file.path.starts_with("tests/"));
    let sources: Vec<&str> = sources.map(|file: &File| file.text.as_str()).collect();
    assert_none("metrics without help, or help without a metric:", &complaints(&sources));
}

#[test]
fn a_metric_without_help_is_found() {
    let described =
        r#"fn d() { describe_counter!("a_total", "A."); describe_gauge!(LAG, Unit::Count, "L."); }"#;
    let recorded = r#"fn r() { metrics::counter!("a_total", "x" => y).increment(1); gauge!(LAG).set(1.0); }"#;
    assert_eq!(complaints(&[described, recorded]), [""; 0]);
    assert_eq!(complaints(&[recorded]), ["LAG: has no help text", "a_total: has no help text"]);
    assert_eq!(complaints(&[described]), ["LAG: is not recorded", "a_total: is not recorded"]);
}
