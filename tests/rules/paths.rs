//! Every path that a comment or a document names exists.
//!
//! A path is written from the root of the repository, from its own package or from the folder of the file that names it.
//! The end of a path will do where only one file has it, or only one in the same package.

use std::collections::BTreeSet;

use crate::tree::{self, File};
use crate::{assert_none, comments};

const EXTENSIONS: [&str; 7] = ["md", "rs", "sh", "snap", "sql", "toml", "yml"];

/// What a path may consist of; the last ones mark a placeholder, such as `build_{id}.sql` or `$root/x.sh`.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || "/._-".contains(c) || is_placeholder(c)
}

fn is_placeholder(c: char) -> bool {
    "$*{}<>…".contains(c)
}

struct Tree<'a> {
    files: BTreeSet<&'a str>,
    folders: BTreeSet<&'a str>,
    /// Folders with a manifest, and the root.
    packages: BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    fn new(files: impl Iterator<Item = &'a str>) -> Self {
        let files: BTreeSet<_> = files.collect();
        let folders =
            files.iter().flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at])).collect();
        let packages = files.iter().filter_map(|file| file.strip_suffix("/Cargo.toml")).collect();
        Self { files, folders, packages }
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains(path) || self.folders.contains(path)
    }

    /// The folder of the package that a file belongs to, with a slash; empty at the root.
    fn package_of(&self, file: &str) -> String {
        let of = self.packages.iter().filter(|package| file.starts_with(&format!("{package}/")));
        of.max_by_key(|package| package.len()).map(|package| format!("{package}/")).unwrap_or_default()
    }

    fn finds(&self, path: &str, named_in: &str) -> bool {
        let (package, folder) =
            (self.package_of(named_in), named_in.rsplit_once('/').map_or("", |(folder, _)| folder));
        let places = [
            path.to_owned(),
            format!("{package}{path}"),
            format!("{package}src/{path}"),
            tree::join(folder, path),
        ];
        if places.iter().any(|place| self.has(place)) {
            return true;
        }
        let end = format!("/{path}");
        let all: Vec<_> =
            self.files.iter().chain(&self.folders).filter(|file| file.ends_with(&end)).collect();
        let own = all.iter().filter(|file| !package.is_empty() && file.starts_with(&package)).count();
        all.len() == 1 || own == 1
    }

    /// Whether a word means a file or a folder of this repository.
    fn is_path(&self, word: &str) -> bool {
        let (first, rest) = word.split_once('/').unwrap_or((word, ""));
        let name = word.rsplit('/').next().unwrap_or(word);
        let is_file =
            name.rsplit_once('.').is_some_and(|(stem, end)| !stem.is_empty() && EXTENSIONS.contains(&end));
        let is_package = self.packages.iter().any(|package| package.rsplit('/').next() == Some(first));
        let is_top = self.folders.contains(first) && !first.contains('.');
        let is_folder = (is_top && !rest.is_empty() && !is_package)
            || (is_package && ["src", "tests"].contains(&rest.split('/').next().unwrap_or_default()));
        (is_file && !is_of_kafka(name)) || is_folder
    }
}

/// The scripts that come with Kafka.
fn is_of_kafka(name: &str) -> bool {
    name.starts_with("kafka-") && name.ends_with(".sh")
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let words = line
        .split(|c| !is_part(c))
        .map(|word| word.trim_start_matches("./").trim_end_matches(['.', '-', '/']));
    // What follows the colon of a URL begins with two slashes; one slash begins a path of the machine, or of the API.
    words.filter(|word| !word.starts_with('/') && !word.contains(is_placeholder))
}

fn complaints(tree: &Tree<'_>, file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in comments::lines(file) {
        for word in words(&line).filter(|word| tree.is_path(word) && !is_made(word)) {
            if !tree.finds(word, &file.path) {
                complaints.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    complaints
}

/// What builds and runs leave behind is not tracked.
fn is_made(path: &str) -> bool {
    path.starts_with("target/") || path.starts_with(".food-orders")
}

#[test]
fn every_path_that_is_named_exists() {
    let tree = Tree::new(tree::files().iter().map(|file| file.path.as_str()));
    let complaints: Vec<_> = tree::files().iter().flat_map(|file| complaints(&tree, file)).collect();
    assert_none("These paths do not exist, or more than one file ends so:", &complaints);
}

#[test]
fn a_path_that_does_not_exist_is_found() {
    let files = [
        "docs/a.md",
        "crates/views/Cargo.toml",
        "crates/views/src/lane.rs",
        "crates/orders/src/lane.rs",
        "x/README.md",
    ];
    let tree = Tree::new(files.into_iter());
    let complaints_of =
        |path: &str, text: &str| complaints(&tree, &File { path: path.into(), text: text.into() });
    assert_eq!(
        complaints_of("docs/b.md", "See `docs/a.md`, a.md, (views/src/lane.rs) and https://rustup.rs/x.rs."),
        [""; 0]
    );
    assert_eq!(
        complaints_of("docs/b.md", "The lane (`lane.rs`)."),
        ["docs/b.md:1: lane.rs"],
        "two files have this name"
    );
    assert_eq!(
        complaints_of("crates/views/src/a.rs", "// as in lane.rs"),
        [""; 0],
        "the package has only one"
    );
    assert_eq!(
        complaints_of("crates/views/src/a.rs", "fn f() {}\n/// As `gone.rs` does.\n"),
        ["crates/views/src/a.rs:2: gone.rs"]
    );
    assert_eq!(
        complaints_of("m/V1.sql", "-- by crates/views/src/gone\nSELECT 1"),
        ["m/V1.sql:1: crates/views/src/gone"]
    );
}
