//! Dependencies point one way, and none is there for nothing.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::manifests::{Dependency, Kind, Package, packages};
use crate::rust::{self, Token};
use crate::tree::{self, File};

/// What ships, from the bottom up. A package uses packages of lower layers only, so there are no circles between modules
/// of different packages.
const LAYERS: [&[&str]; 6] = [
    &["orders", "output", "retry", "settings"],
    &["event-log", "views", "service"],
    &["schema-registry"],
    &["rebuild", "dead-letters"],
    &["producer", "consumer", "api", "replay-rebuild"],
    // The examples show what can be built on the crates, so they keep to the same rules.
    &["stock-ticks", "bank-app"],
];

/// What does not ship may use everything.
const TOOLS: [&str; 5] = ["local-stack", "end-to-end", "bench", "rules", "exactly-once"];

/// Libraries that one package has to itself; the tools connect by themselves to look from outside.
const DOORS: [(&str, &str); 6] = [
    ("rdkafka", "event-log"),
    ("tokio-postgres", "views"),
    ("deadpool-postgres", "views"),
    ("postgres-native-tls", "views"),
    ("refinery", "views"),
    ("reqwest", "schema-registry"),
];

/// `orders` has no IO and no async: these can do neither. utoipa only derives the schema of types that the API answers.
const LIBRARIES_OF_ORDERS: [&str; 9] =
    ["apache-avro", "bumpalo", "jiff", "serde", "serde_json", "thiserror", "twox-hash", "utoipa", "uuid"];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

/// Dependencies of tests alone are left out: `views` is tested with the servers of `local-stack`.
fn against_the_layers(packages: &[Package]) -> Vec<String> {
    let names: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut complaints = Vec::new();
    for package in packages.iter().filter(|package| !TOOLS.contains(&package.name.as_str())) {
        let name = package.name.as_str();
        let Some(own) = layer(name) else {
            complaints.push(format!("{name} is in no layer"));
            continue;
        };
        for on in package.dependencies.iter().filter(|on| on.kind == Kind::Normal).map(|on| on.name.as_str())
        {
            let is_above = names.contains(on) && layer(on).is_none_or(|layer| layer >= own);
            let has_other_door = DOORS.iter().any(|(library, owner)| *library == on && *owner != name);
            let is_impure = name == "orders" && !LIBRARIES_OF_ORDERS.contains(&on);
            if is_above || has_other_door || is_impure {
                complaints.push(format!("{name} uses {on}"));
            }
        }
    }
    complaints
}

#[test]
fn dependencies_point_one_way() {
    assert_none("These dependencies go against the layers:", &against_the_layers(packages()));
}

#[test]
fn a_dependency_against_the_layers_is_found() {
    let package = |name: &str, on: &[(&str, Kind)]| Package {
        name: name.into(),
        folder: name.into(),
        dependencies: on
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).into(), kind: *kind })
            .collect(),
    };
    let packages = [
        package("orders", &[("serde", Kind::Normal), ("tokio", Kind::Normal), ("proptest", Kind::Dev)]),
        package(
            "views",
            &[("orders", Kind::Normal), ("tokio-postgres", Kind::Normal), ("local-stack", Kind::Dev)],
        ),
        package("event-log", &[("views", Kind::Normal), ("rdkafka", Kind::Normal)]),
        package(
            "api",
            &[("tokio-postgres", Kind::Normal), ("local-stack", Kind::Normal), ("rebuild", Kind::Normal)],
        ),
        package("rebuild", &[("views", Kind::Normal)]),
        package("local-stack", &[("tokio-postgres", Kind::Normal)]),
        package("new", &[]),
    ];
    let expected = [
        "orders uses tokio",
        "event-log uses views",
        "api uses tokio-postgres",
        "api uses local-stack",
        "new is in no layer",
    ];
    assert_eq!(against_the_layers(&packages), expected);
}

/// Whether code names a crate: at the beginning of a path, or in a `use` of its own.
fn names_crate(tokens: &[Token], identifier: &str) -> bool {
    let mut named = (0..tokens.len()).filter(|at| tokens[*at].is(identifier));
    named.any(|at| {
        let (before, after) = (&tokens[..at], &tokens[at + 1..]);
        // `::name` begins a path; `other::name` and `Type<T>::name` do not.
        let outer = rust::ends_with(before, &[":", ":"]).then(|| before.iter().nth_back(2)).flatten();
        let begins_a_path =
            outer.is_none_or(|outer| outer.is("use") || (outer.kind == rust::Kind::Mark && !outer.is(">")));
        let is_used = before.last().is_some_and(|word| word.is("use") || word.is("crate"));
        begins_a_path && (is_used || rust::begins_with(after, &[":", ":"]))
    })
}

/// The code that may use a dependency of this kind. A package of tests has its own way: what its library does not
/// use, its test programs do.
fn code<'a>(package: &Package, kind: Kind, files: impl Iterator<Item = &'a File>) -> Vec<Vec<Token>> {
    let prefix = format!("{}/", package.folder);
    let own = files
        .filter(|file| file.has_extension("rs"))
        .filter_map(|file| Some((file.path.strip_prefix(&prefix)?, file)));
    own.filter_map(|(path, file)| {
        let is_test_file = path.ends_with("/tests.rs") || !path.starts_with("src/");
        match kind {
            Kind::Build => (path == "build.rs").then(|| rust::tokens(&file.text)),
            Kind::Dev => (path != "build.rs").then(|| rust::tokens(&file.text)),
            Kind::Normal if package.name == "end-to-end" => Some(rust::tokens(&file.text)),
            Kind::Normal => (!is_test_file).then(|| rust::without_tests(&file.text)),
        }
    })
    .collect()
}

fn unused(package: &Package, files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for kind in [Kind::Normal, Kind::Dev, Kind::Build] {
        let code = code(package, kind, files.iter());
        for name in package.dependencies.iter().filter(|on| on.kind == kind).map(|on| &on.name) {
            let identifier = name.replace('-', "_");
            if !code.iter().any(|tokens| names_crate(tokens, &identifier)) {
                complaints.push(format!("{}/Cargo.toml: {name} ({kind:?})", package.folder));
            }
        }
    }
    complaints
}

#[test]
fn every_dependency_is_used() {
    let complaints: Vec<_> = packages().iter().flat_map(|package| unused(package, tree::files())).collect();
    assert_none(
        "These dependencies are not used, or only by tests (then they are dev-dependencies):",
        &complaints,
    );
}

#[test]
fn an_unused_dependency_is_found() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let files = [
        file(
            "a/src/lib.rs",
            "// rand::random()\nuse serde::Serialize; pub use ::toml::Value; fn f(b: bytes) { x::uuid::f(); \"jiff::\" } #[cfg(test)] mod t { use tempfile; }",
        ),
        file("a/tests/t.rs", "use proptest::x;"),
    ];
    let dependencies = [
        ("serde", Kind::Normal),
        ("toml", Kind::Normal),
        ("rand", Kind::Normal),
        ("bytes", Kind::Normal),
        ("uuid", Kind::Normal),
        ("jiff", Kind::Normal),
        ("tempfile", Kind::Normal),
        ("proptest", Kind::Dev),
        ("insta", Kind::Dev),
    ];
    let dependencies = dependencies.map(|(name, kind)| Dependency { name: name.into(), kind }).to_vec();
    let found = unused(&Package { name: "a".into(), folder: "a".into(), dependencies }, &files);
    let of = |name: &str, kind: &str| format!("a/Cargo.toml: {name} ({kind})");
    let expected = ["rand", "bytes", "uuid", "jiff", "tempfile"].map(|name| of(name, "Normal"));
    assert_eq!(found, [expected.as_slice(), &[of("insta", "Dev")]].concat());
}

/// Names in the table `[workspace.dependencies]` of the root's manifest.
fn in_the_workspace(manifest: &str) -> impl Iterator<Item = &str> {
    let table = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    table
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|name| !name.starts_with('#'))
}

#[test]
fn every_dependency_of_the_workspace_is_some_packages() {
    let root = tree::files().iter().find(|file| file.path == "Cargo.toml").unwrap();
    let used: BTreeSet<_> =
        packages().iter().flat_map(|package| &package.dependencies).map(|on| on.name.as_str()).collect();
    let all: Vec<_> = in_the_workspace(&root.text).collect();
    assert!(all.len() > 10, "the table was not found");
    let complaints: Vec<_> = all.into_iter().filter(|name| !used.contains(name)).map(str::to_owned).collect();
    assert_none("No package has these dependencies of the workspace:", &complaints);
}
