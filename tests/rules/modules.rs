//! The files of a package do not depend on each other in a circle.
//!
//! A file depends on every file that it takes a name from, in `use` or in a path: on the one that defines the name, and
//! on those that pass it on. It does not depend on a module that a path only leads through.
//!
//! A module that declares its children and passes their names on (`mod read; pub use read::Reader;`) does not depend on
//! them, unless its own code uses those names as well. Where it does, the children may still take names from it, as
//! privacy in Rust is made for: seen from outside, a module and the files below it are one thing. So a circle counts only
//! if it is left when the file above all others in it is taken away; children that depend on each other in a circle are
//! found, and so is a circle that leads through another module.
//!
//! Calls of methods name no module, so they are not seen. A `*` counts as one name. The parts of a file that only tests
//! are built with may use everything.

use std::collections::{BTreeMap, BTreeSet};

use crate::assert_none;
use crate::manifests::{Package, packages};
use crate::module_graph::{Graph, graph};
use crate::tree::{self, File};

/// Every file of some that can be reached from one by way of them.
fn reach<'a>(graph: &Graph<'a>, within: &BTreeSet<&'a str>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        let next = graph[file].keys().filter(|next| within.contains(*next));
        open.extend(next.filter(|next| reached.insert(**next)));
    }
    reached
}

/// The circles among some files. Where one file is above all others of a circle, those may take names from it, and
/// only the circles that are left without it count.
fn circles<'a>(graph: &Graph<'a>, within: &BTreeSet<&'a str>) -> BTreeSet<BTreeSet<&'a str>> {
    let reach: BTreeMap<_, _> = within.iter().map(|file| (*file, reach(graph, within, file))).collect();
    let circle_of = |file: &&str| -> BTreeSet<&'a str> {
        reach[file].iter().filter(|other| reach[*other].contains(file)).copied().collect()
    };
    let all: BTreeSet<_> = within.iter().map(circle_of).filter(|circle| circle.len() > 1).collect();
    let without_parent = |mut circle: BTreeSet<&'a str>| {
        let top =
            circle.iter().find(|top| circle.iter().all(|file| file == *top || is_above(top, file))).copied();
        match top {
            Some(top) => {
                circle.remove(top);
                circles(graph, &circle)
            }
            None => BTreeSet::from([circle]),
        }
    };
    all.into_iter().flat_map(without_parent).collect()
}

/// Whether a file is the module that another one lies below.
fn is_above(file: &str, other: &str) -> bool {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let is_index = ["lib", "main", "mod"].iter().any(|name| stem.ends_with(&format!("/{name}")));
    let folder = if is_index { stem.rsplit_once('/').map_or("", |(folder, _)| folder) } else { stem };
    other.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn complaint(circle: &BTreeSet<&str>, graph: &Graph<'_>) -> String {
    let mut ties = Vec::new();
    for file in circle {
        for (on, names) in graph[file].iter().filter(|(on, _)| circle.contains(*on)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            ties.push(format!("{file} takes {} from {on}", names.join(", ")));
        }
    }
    ties.join("\n    ")
}

/// One complaint for each circle: its files and the names that tie them.
fn complaints(package: &Package, files: &[File]) -> Vec<String> {
    let graph = graph(package, files);
    circles(&graph, &graph.keys().copied().collect()).iter().map(|circle| complaint(circle, &graph)).collect()
}

#[test]
fn files_do_not_name_each_other_in_a_circle() {
    let circles: Vec<_> = packages().iter().flat_map(|package| complaints(package, tree::files())).collect();
    assert_none("These files depend on each other in a circle:", &circles);
}

#[cfg(test)]
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let package = Package { name: "a".into(), folder: "a".into(), dependencies: Vec::new() };
    let file = |(path, text): &(&str, &str)| File { path: format!("a/src/{path}.rs"), text: (*text).into() };
    complaints(&package, &files.iter().map(file).collect::<Vec<_>>())
}

#[test]
fn a_circle_is_found() {
    let found = circles_of(&[
        ("lib", "mod b; mod c; mod d; pub use b::B;"),
        ("b", "use std::fmt; pub struct B(super::c::C);"),
        ("c", "pub struct C; fn f() { crate::d::e::g() }"),
        ("d", "pub mod e; pub fn h() {}"),
        ("d/e", "use super::{super::{B, c}, h}; pub fn g() { B::new(c::C) }"),
    ]);
    let expected = "a/src/b.rs takes C from a/src/c.rs
    a/src/c.rs takes g from a/src/d/e.rs
    a/src/d/e.rs takes B from a/src/b.rs
    a/src/d/e.rs takes C from a/src/c.rs";
    assert_eq!(found, [expected]);
}

#[test]
fn a_module_that_passes_names_on_does_not_depend_on_them() {
    let other = ("c", "use crate::b::Limit; pub struct Kept(Limit);");
    let child = ("b/d", "use crate::c::Kept; pub fn keep(kept: Kept) {}");
    let passes_on = ("b", "mod d; pub use d::keep; pub struct Limit;");
    assert_eq!(circles_of(&[("lib", "mod b; mod c;"), passes_on, child, other]), [""; 0]);
    for uses in ["mod d; pub use d::keep; fn f() { keep(g()) }", "mod d; fn f() { d::keep(g()) }"] {
        assert_eq!(circles_of(&[("lib", "mod b; mod c;"), ("b", uses), child, other]).len(), 1, "{uses}");
    }
}

#[test]
fn children_may_take_names_from_the_module_above_them() {
    let parent = ("b", "mod c; mod d; pub struct Limit; fn f() { c::f(Limit); d::f(Limit) }");
    let d = ("b/d", "use super::{Limit, c}; pub fn f(limit: Limit) { c::f(limit) }");
    let c = ("b/c", "use super::Limit; pub fn f(limit: Limit) {}");
    assert_eq!(circles_of(&[("lib", "mod b;"), parent, c, d]), [""; 0]);
    let c = ("b/c", "use super::{Limit, d}; pub fn f(limit: Limit) { d::f(limit) }");
    let found = circles_of(&[("lib", "mod b;"), parent, c, d]);
    assert_eq!(found, ["a/src/b/c.rs takes f from a/src/b/d.rs\n    a/src/b/d.rs takes f from a/src/b/c.rs"]);
}

#[test]
fn tests_may_name_everything() {
    let test = "#[cfg(test)] mod tests { use crate::b::B; }";
    assert_eq!(circles_of(&[("lib", "mod b; mod c;"), ("b", "use crate::c::C;"), ("c", test)]), [""; 0]);
}
