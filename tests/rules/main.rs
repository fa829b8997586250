//! The rules that neither the compiler nor clippy can hold. Each reads the tracked files of the repository, lists every
//! place that breaks it, and has a test beside it that shows it broken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a rule that cannot be checked is broken"
)]

mod comments;
mod configuration;
mod dependencies;
mod line_ends;
mod links;
mod manifests;
mod metrics;
mod module_graph;
mod modules;
mod names;
mod operations;
mod paths;
mod rust;
mod statements;
mod tree;
mod words;

/// Ends the test with all complaints at once.
#[track_caller]
fn assert_none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}\n{} times:\n  {}", complaints.len(), complaints.join("\n  "));
}
