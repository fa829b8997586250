//! The packages of the workspace, as Cargo sees them.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::tree;

#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    /// From the root of the repository, without a slash at its end.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Normal,
    /// For tests, examples and benchmarks.
    Dev,
    /// For the build script.
    Build,
}

#[derive(Clone, Debug)]
pub struct Dependency {
    pub name: String,
    pub kind: Kind,
}

impl Package {
    /// As Rust code says it.
    pub fn identifier(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The module that a file of this package is, as a path from the root of the crate; empty at the root itself.
    pub fn module<'a>(&self, file: &'a str) -> Option<Vec<&'a str>> {
        let inner = file.strip_prefix(&self.folder)?.strip_prefix("/src/")?.strip_suffix(".rs")?;
        let mut path: Vec<_> = inner.split('/').collect();
        if path.last() == Some(&"mod") || ["lib", "main"].contains(&inner) {
            path.pop();
        }
        Some(path)
    }
}

pub fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let arguments = ["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"];
        let output = Command::new(env!("CARGO")).current_dir(tree::root()).args(arguments).output().unwrap();
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        metadata["packages"].as_array().unwrap().iter().map(package).collect()
    })
}

fn package(package: &Value) -> Package {
    let root = tree::root().canonicalize().unwrap();
    let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let dependencies = package["dependencies"].as_array().unwrap().iter().map(dependency).collect();
    Package { name: package["name"].as_str().unwrap().to_owned(), folder, dependencies }
}

fn dependency(dependency: &Value) -> Dependency {
    let kind = match dependency["kind"].as_str() {
        None => Kind::Normal,
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        Some(other) => panic!("unknown kind of dependency {other}"),
    };
    let name = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap();
    Dependency { name: name.to_owned(), kind }
}
