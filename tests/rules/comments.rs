//! What a file says to its readers: comments of code, prose of documents.

use crate::rust::{self, Kind};
use crate::tree::File;

/// A line of it, with its number.
pub type Line = (usize, String);

/// Documents and scripts are taken as they are: what they say and what they run are both read.
pub fn lines(file: &File) -> Vec<Line> {
    match file.path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => rust_comments(&file.text),
        Some("sql") => sql_comments(&file.text),
        Some("toml" | "yml" | "xml" | "properties") => hash_comments(&file.text),
        _ if file.name() == "Dockerfile" || file.name().starts_with('.') => hash_comments(&file.text),
        Some("md") => numbered(&file.text).collect(),
        _ if file.text.starts_with("#!") => numbered(&file.text).collect(),
        _ => Vec::new(),
    }
}

fn numbered(text: &str) -> impl Iterator<Item = Line> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line.to_owned()))
}

fn rust_comments(text: &str) -> Vec<Line> {
    let comments = rust::tokens(text).into_iter().filter(|token| token.kind == Kind::Comment);
    comments
        .flat_map(|token| {
            numbered(&token.text).map(move |(at, line)| (token.line + at - 1, line)).collect::<Vec<_>>()
        })
        .collect()
}

/// Block comments in SQL are the statements' tags.
fn sql_comments(text: &str) -> Vec<Line> {
    numbered(text).filter_map(|(at, line)| Some((at, line.split_once("--")?.1.to_owned()))).collect()
}

fn hash_comments(text: &str) -> Vec<Line> {
    numbered(text).filter_map(|(at, line)| Some((at, line.split_once('#')?.1.to_owned()))).collect()
}
