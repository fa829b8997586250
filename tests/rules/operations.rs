//! The tables of docs/operations.md have the metrics that the programs export, with their kinds.

use std::collections::BTreeMap;

use crate::assert_none;
use crate::rust::{self, Kind, Token};
use crate::tree::{self, File};

/// The macros that record a value, by the kind of their metric.
const KINDS: [&str; 3] = ["counter", "gauge", "histogram"];

/// Names of metrics with their kinds.
type Metrics = BTreeMap<String, String>;

/// What a program exports, and what the tests and the benchmark do not.
fn ships(file: &File) -> bool {
    let folders = ["crates/", "producer/src/", "consumer/src/", "api/src/", "replay-rebuild/src/"];
    file.has_extension("rs")
        && folders.iter().any(|folder| file.path.starts_with(folder))
        && !file.path.contains("/tests/")
        && !file.path.ends_with("/tests.rs")
        && !file.path.starts_with("crates/local-stack/")
}

/// `counter!("name"`, or `counter!(NAME` with a constant of the same file. Descriptions are other macros.
fn exported(file: &File, complaints: &mut Vec<String>) -> Metrics {
    let tokens = rust::without_tests(&file.text);
    let mut metrics = Metrics::new();
    for at in 0..tokens.len() {
        let Some(kind) = KINDS.iter().find(|kind| tokens[at].is(kind)) else { continue };
        if !rust::begins_with(&tokens[at + 1..], &["!", "("]) {
            continue;
        }
        match tokens.get(at + 3).and_then(|argument| text_of(argument, &tokens)) {
            Some(name) => drop(metrics.insert(name, (*kind).to_owned())),
            None => {
                complaints.push(format!("{}:{}: a name that is not in this file", file.path, tokens[at].line))
            }
        }
    }
    metrics
}

/// The text of a literal, or of the constant that a word names.
fn text_of(argument: &Token, tokens: &[Token]) -> Option<String> {
    if argument.kind == Kind::Text {
        return Some(argument.text.clone());
    }
    let at = tokens.windows(2).position(|pair| pair[0].is("const") && pair[1].is(&argument.text))?;
    let value = tokens[at..].iter().take_while(|token| !token.is(";")).last()?;
    (value.kind == Kind::Text).then(|| value.text.clone())
}

/// A row is: name, programs, kind, and more. Only rows whose third cell is a kind count.
fn documented(page: &str) -> Metrics {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells.first()?.strip_prefix('`')?.split_once('`')?.0;
        let kind = cells.get(2)?.split(',').next()?;
        KINDS.contains(&kind).then(|| (name.to_owned(), kind.to_owned()))
    });
    rows.collect()
}

fn complaints(exported: &Metrics, documented: &Metrics) -> Vec<String> {
    let missing = exported.iter().filter(|(name, kind)| documented.get(*name) != Some(*kind));
    let gone = documented.iter().filter(|(name, kind)| exported.get(*name) != Some(*kind));
    missing
        .map(|(name, kind)| format!("not in the page: {kind} {name}"))
        .chain(gone.map(|(name, kind)| format!("no program exports it: {kind} {name}")))
        .collect()
}

#[test]
fn the_page_has_the_metrics_of_the_programs() {
    let page =
        tree::files().iter().find(|file| file.path == "docs/operations.md").expect("docs/operations.md");
    let mut unclear = Vec::new();
    let exported: Metrics = tree::files()
        .iter()
        .filter(|file| ships(file))
        .flat_map(|file| exported(file, &mut unclear))
        .collect();
    assert_none("These metrics have names that the rule cannot find:", &unclear);
    assert_none(
        "docs/operations.md differs from the metrics in the code:",
        &complaints(&exported, &documented(&page.text)),
    );
}

#[test]
fn a_metric_that_is_missing_is_found() {
    let source = r#"
        const EVENTS: &str = "events_total";
        fn publish() {
            metrics::gauge!("lag_events", "view" => VIEW).set(1.0);
            counter!(EVENTS).increment(1);
            describe_counter!(EVENTS, "Events.");
            histogram!(OTHER).record(1.0);
        }"#;
    let file = File { path: "api/src/a.rs".into(), text: source.into() };
    let mut unclear = Vec::new();
    let exported = exported(&file, &mut unclear);
    assert_eq!(unclear, ["api/src/a.rs:7: a name that is not in this file"]);
    let of = |page: &str| complaints(&exported, &documented(page));
    let lag = "| `lag_events` `{view}` | api | gauge, events | lag |\n";
    let events = "| `events_total` | producer | counter, events | events |\n";
    assert_eq!(of(&format!("{lag}{events}| `other` | text | more |\n")), [""; 0]);
    assert_eq!(of(lag), ["not in the page: counter events_total"]);
    let expected = ["not in the page: gauge lag_events", "no program exports it: counter lag_events"];
    assert_eq!(of(&format!("{}{events}", lag.replace("gauge", "counter"))), expected);
}
