//! Every SQL statement begins with a comment that names the function which sends it, such as
//! `/* views::deployment::group */`, so that a slow query in PostgreSQL's log leads to its source.
//!
//! A literal is taken for a statement if it begins with one of SQL's verbs. A subquery that is put into a statement is
//! written with its parentheses, and so does not begin with one.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::manifests::{Package, packages};
use crate::rust::{self, Kind, Token};
use crate::tree::{self, File};

/// The first words of a statement, with a word that follows later where the first alone is also plain English.
const VERBS: [(&str, &str); 19] = [
    ("ALTER", ""),
    ("ANALYZE", ""),
    ("COPY", " STD"),
    ("CREATE", ""),
    ("DELETE FROM", ""),
    ("DO", "$$"),
    ("DROP", ""),
    ("GRANT", ""),
    ("INSERT INTO", ""),
    ("LISTEN", ""),
    ("LOCK TABLE", ""),
    ("RESET", ""),
    ("SELECT", ""),
    ("SET", "="),
    ("SET", " TO "),
    ("TRUNCATE", ""),
    ("UPDATE", " SET "),
    ("VALUES", ""),
    ("WITH", " AS "),
];

/// BEGIN, COMMIT and ROLLBACK are left out: the driver sends most of them, and they read and write no table.
fn is_statement(sql: &str) -> bool {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    VERBS.iter().any(|(verb, later)| {
        words.strip_prefix(verb).is_some_and(|rest| rest.starts_with(' ') && rest.contains(later))
    })
}

/// The path in the comment that a statement begins with.
fn tag(sql: &str) -> Option<&str> {
    let (tag, _) = sql.strip_prefix("/* ")?.split_once(" */")?;
    Some(tag)
}

/// Where code is: the path of the module, and the functions in it.
struct Module {
    path: String,
    functions: BTreeSet<String>,
}

impl Module {
    fn of(file: &File, packages: &[Package]) -> Option<Self> {
        let (package, module) =
            packages.iter().find_map(|package| Some((package, package.module(&file.path)?)))?;
        let path = [vec![package.identifier().as_str()], module].concat().join("::");
        let tokens = rust::without_tests(&file.text);
        let functions =
            tokens.windows(2).filter(|pair| pair[0].is("fn")).map(|pair| pair[1].text.clone()).collect();
        Some(Self { path, functions })
    }

    /// What is wrong with a tag, if anything is.
    fn complaint(&self, tag: &str) -> Option<String> {
        let Some((path, function)) = tag.rsplit_once("::") else {
            return Some(format!("{tag}: names no module"));
        };
        if path != self.path {
            return Some(format!("{tag}: stands in {}", self.path));
        }
        let missing = !self.functions.contains(function);
        missing.then(|| format!("{tag}: no function {function} in {}", self.path))
    }
}

/// The literals of a file that may be SQL, with their lines.
fn literals(file: &File) -> Vec<Token> {
    rust::without_tests(&file.text).into_iter().filter(|token| token.kind == Kind::Text).collect()
}

fn in_rust(file: &File, packages: &[Package]) -> Vec<String> {
    let Some(module) = Module::of(file, packages) else { return Vec::new() };
    let complaint = |sql: &str| match tag(sql) {
        Some(tag) if tag.contains("::") => module.complaint(tag),
        _ if is_statement(sql) => Some(format!("no tag: {}", sql.chars().take(60).collect::<String>())),
        _ => None,
    };
    let found =
        literals(file).into_iter().filter_map(|text| Some((text.line, complaint(text.text.trim_start())?)));
    found.map(|(line, complaint)| format!("{}:{line}: {complaint}", file.path)).collect()
}

/// A file of SQL is included by the function that its tag names.
fn in_sql(file: &File, rust_files: &[&File], packages: &[Package]) -> Vec<String> {
    let includes = |module: &&&File| {
        let text = literals(module).into_iter().filter(|text| text.text.ends_with(".sql"));
        text.into_iter().any(|text| format!("{}/{}", module.folder(), text.text) == file.path)
    };
    let Some(includer) = rust_files.iter().find(includes) else {
        return vec![format!("{}: no module includes it", file.path)];
    };
    let Some(module) = Module::of(includer, packages) else { return Vec::new() };
    let without_comments = file.text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let sql = without_comments.collect::<Vec<_>>().join("\n");
    let complaint = match tag(&file.text) {
        Some(tag) => module.complaint(tag),
        None if is_statement(sql.trim_start()) => Some("no tag in the first line".to_owned()),
        None => None,
    };
    complaint.map(|complaint| format!("{}: {complaint}", file.path)).into_iter().collect()
}

/// What ships. The tests and the benchmark send what they like.
fn ships(file: &File) -> bool {
    let folders = ["crates/", "producer/src/", "consumer/src/", "api/src/", "replay-rebuild/src/"];
    let is_test = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    folders.iter().any(|folder| file.path.starts_with(folder))
        && !is_test
        && !file.path.starts_with("crates/local-stack/")
}

#[test]
fn every_statement_names_its_function() {
    let shipped: Vec<_> = tree::files().iter().filter(|file| ships(file)).collect();
    let rust_files: Vec<_> = shipped.iter().filter(|file| file.has_extension("rs")).copied().collect();
    let mut complaints: Vec<_> = rust_files.iter().flat_map(|file| in_rust(file, packages())).collect();
    let sql_files = shipped.iter().filter(|file| file.has_extension("sql"));
    complaints.extend(sql_files.flat_map(|file| in_sql(file, &rust_files, packages())));
    assert_none("These statements do not lead to their function:", &complaints);
}

#[test]
fn a_statement_that_leads_nowhere_is_found() {
    let packages =
        [Package { name: "views".into(), folder: "crates/views".into(), dependencies: Vec::new() }];
    let file = |path: &str, text: &str| File { path: format!("crates/views/src/{path}"), text: text.into() };
    let of = |text: &str| in_rust(&file("read/orders.rs", text), &packages);

    let right = r#"fn page() { f("/* views::read::orders::page */ SELECT 1"); g("BEGIN"); h("(SELECT 2) AS o", "Select a file") }"#;
    assert_eq!(of(right), [""; 0]);
    assert_eq!(
        of("fn page() { f(\n\"SELECT 1\") }"),
        ["crates/views/src/read/orders.rs:2: no tag: SELECT 1"]
    );
    assert_eq!(of("fn page() { f(\"/* views::read::page */ SELECT 1\") }").len(), 1, "another module");
    assert_eq!(
        of("fn page() { f(\"/* views::read::orders::list */ SELECT 1\") }").len(),
        1,
        "no such function"
    );

    let module = file(
        "apply.rs",
        "fn prepare() { include_str!(\"apply/upsert.sql\"); include_str!(\"apply/fold.sql\") }",
    );
    let sql = |name: &str, text: &str| in_sql(&file(name, text), &[&module], &packages);
    assert_eq!(sql("apply/upsert.sql", "/* views::apply::prepare */\nINSERT INTO a VALUES (1)"), [""; 0]);
    assert_eq!(sql("apply/fold.sql", "-- A part of other statements.\n(\nSELECT 1\n)"), [""; 0]);
    assert_eq!(sql("apply/upsert.sql", "-- No tag.\nINSERT INTO a VALUES (1)").len(), 1);
    assert_eq!(sql("apply/upsert.sql", "/* views::apply::upsert */ INSERT INTO a VALUES (1)").len(), 1);
    assert_eq!(sql("apply/gone.sql", "/* views::apply::prepare */ SELECT 1").len(), 1, "nobody includes it");
}
