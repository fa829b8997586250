//! The Java that the servers run on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

/// A Java that is new enough.
#[derive(Debug, Clone)]
pub(crate) struct Java {
    pub program: PathBuf,
    /// What `java -version` prints.
    pub version: String,
}

/// The oldest versions that they run on.
const NEEDED: u32 = 17;
const NEEDED_BY_REGISTRY: u32 = 21;
const INSTALL: &str =
    "apt-get install default-jre-headless (Debian), dnf install java-latest-openjdk-headless (Fedora)";

/// `$JAVA_HOME/bin/java`, or else the `java` on the path. Fails if there is none, or if it is too old for
/// Kafka.
pub(crate) fn find() -> Result<Java> {
    let java = chosen();
    let missing = |found: String| Error::MissingProgram {
        program: "Java",
        why: format!("Kafka needs Java {NEEDED} or newer, but {found}"),
        install: INSTALL,
    };
    let output = Command::new(&java)
        .arg("-version")
        .output()
        .map_err(|e| missing(format!("{} cannot be run ({e})", java.display())))?;
    // Java prints its version to the standard error output.
    let text = String::from_utf8_lossy(&output.stderr);
    match major(&text) {
        Some(found) if found >= NEEDED => Ok(Java { program: java, version: text.trim().to_owned() }),
        Some(found) => Err(missing(format!("{} is Java {found}", java.display()))),
        None => Err(missing(format!("`{} -version` printed: {}", java.display(), text.trim()))),
    }
}

/// `$JAVA_HOME/bin/java`, or else the `java` on the path.
fn chosen() -> PathBuf {
    env::var_os("JAVA_HOME")
        .map(|home| PathBuf::from(home).join("bin/java"))
        .filter(|java| java.exists())
        .unwrap_or_else(|| PathBuf::from("java"))
}

/// A Java that is new enough for the registry: the one that [`find`] takes, or another one that is installed.
pub(crate) fn find_for_registry() -> Option<Java> {
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let installed = installed.map(|entry| entry.path().join("bin/java")).filter(|java| java.exists());
    std::iter::once(chosen()).chain(installed).find_map(|java| at(&java))
}

/// This Java, if it runs and is new enough for the registry.
pub(crate) fn at(java: &Path) -> Option<Java> {
    let output = Command::new(java).arg("-version").output().ok()?;
    let version = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (major(&version)? >= NEEDED_BY_REGISTRY).then(|| Java { program: java.to_owned(), version })
}

/// The 17 of `openjdk version "17.0.15"`, the 8 of `java version "1.8.0_292"`.
fn major(text: &str) -> Option<u32> {
    let version = text.split('"').nth(1)?;
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    match parts.next()?.parse().ok()? {
        1 => parts.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_old_and_new_formats() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("openjdk version \"26\" 2026-03-17"), Some(26));
        assert_eq!(major("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(major("Picked up _JAVA_OPTIONS: -Xmx1g\njava version \"1.8.0_292\""), Some(8));
        assert_eq!(major("java: command not found"), None);
    }
}
