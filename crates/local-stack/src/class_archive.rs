//! Kafka's classes as this Java has loaded them before, in one file that the next start maps into memory. It
//! halves the time and the work of every start, of the broker and of the command line tools. A broker that is
//! started and stopped writes it, once per Java.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::java::Java;

pub(crate) const FILE: &str = "classes.jsa";

/// Flags that make `java` use the archive if there is one. Java is silenced, because it warns about an
/// archive that does not fit.
pub(crate) fn flags(java: &Java, jars: &Path) -> Vec<String> {
    let mut flags = vec!["-Xlog:disable".to_owned(), "-Xlog:all=error:stderr".to_owned()];
    let archive = folder(java, jars).join(FILE);
    if archive.exists() {
        flags.push(format!("-XX:SharedArchiveFile={}", archive.display()));
    }
    flags
}

/// Beside the jars, named for the Java: an archive fits only these paths and this Java.
pub(crate) fn folder(java: &Java, jars: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    java.version.hash(&mut hasher);
    let name = jars.file_name().unwrap_or_default().to_string_lossy();
    jars.with_file_name(format!("{name}-classes-{:016x}", hasher.finish()))
}
