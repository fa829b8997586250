//! The Java that Kafka runs on.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};

/// A Java that is new enough for Kafka.
#[derive(Debug, Clone)]
pub(crate) struct Java {
    pub program: PathBuf,
    /// What `java -version` prints.
    pub version: String,
}

const NEEDED: u32 = 17;
const INSTALL: &str =
    "apt-get install default-jre-headless (Debian), dnf install java-latest-openjdk-headless (Fedora)";

/// `$JAVA_HOME/bin/java`, or else the `java` on the path. Fails if there is none, or if it is too old for
/// Kafka.
pub(crate) fn find() -> Result<Java> {
    let java = env::var_os("JAVA_HOME")
        .map(|home| PathBuf::from(home).join("bin/java"))
        .filter(|java| java.exists())
        .unwrap_or_else(|| PathBuf::from("java"));
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
