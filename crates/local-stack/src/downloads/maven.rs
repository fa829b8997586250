//! Fetching packages with Maven, and unpacking them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Attempt, Error, Result};

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// Runs a goal of Maven's dependency plugin on the dependencies of `pom`, into the folder `output`.
pub(super) fn fetch(package: &str, pom: &str, goal: &str, settings: &[String], output: &Path) -> Result<()> {
    // Maven writes files beside the pom.
    let work = tempfile::tempdir().attempt("creating a temporary folder")?;
    let pom_path = work.path().join("pom.xml");
    fs::write(&pom_path, pom).attempt_on("writing", &pom_path)?;
    let result = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(&pom_path)
        .args(settings)
        .arg(format!("-DoutputDirectory={}", output.display()))
        .arg(format!("{PLUGIN}:{goal}"))
        .stdin(Stdio::null())
        .output();
    let result = result.map_err(|e| Error::MissingProgram {
        program: "Maven",
        why: format!("{package} is fetched with Maven, but `mvn` cannot be run ({e})"),
        install: "apt-get install maven (Debian), dnf install maven (Fedora)",
    })?;
    if result.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&result.stdout);
    let errors: Vec<&str> = printed.lines().filter(|line| line.contains("ERROR")).take(3).collect();
    Err(Error::Maven { package: package.to_owned(), status: result.status, output: errors.join(" ") })
}

/// Unpacks the one archive in the folder whose name has this ending, and removes it. `compression`: tar's flag for it.
pub(super) fn unpack(package: &str, folder: &Path, ending: &str, compression: &str) -> Result<()> {
    let archive = fs::read_dir(folder)
        .attempt_on("reading", folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with(ending));
    let Some(archive) = archive else {
        return Err(Error::EmptyPackage { package: package.to_owned() });
    };
    let result = Command::new("tar")
        .args(["--extract", compression, "--no-same-owner", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(folder)
        .output()
        .map_err(|e| Error::MissingProgram {
            program: "tar and xz",
            why: format!("tar unpacks {package}, but cannot be run ({e})"),
            install: "apt-get install tar xz-utils (Debian), dnf install tar xz (Fedora)",
        })?;
    if !result.status.success() {
        let output = String::from_utf8_lossy(&result.stderr).trim().to_owned();
        return Err(Error::Unpack { package: package.to_owned(), status: result.status, output });
    }
    fs::remove_file(&archive).attempt_on("removing", &archive)
}
