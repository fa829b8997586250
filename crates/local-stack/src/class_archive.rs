//! Kafka's classes as this Java has loaded them before, in one file that the next start maps into memory. It
//! halves the time and the work of every start, of the broker and of the command line tools. A broker that is
//! started and stopped writes it, once per Java.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::downloads::{Downloads, fill_once};
use crate::error::{Error, Result};
use crate::java::Java;
use crate::kafka::{Kafka, KafkaOptions};
use crate::scratch::Scratch;

const FILE: &str = "classes.jsa";

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

/// Creates the archive if there is none. Everything works without one, only slower, so a failure is only a
/// warning.
pub(crate) fn ensure(downloads: &Downloads) {
    if let Err(error) = create(downloads) {
        warn(&error);
    }
}

fn warn(error: &Error) {
    eprintln!("warning: Kafka starts slower than it could: {error}");
}

fn create(downloads: &Downloads) -> Result<()> {
    let folder = folder(&downloads.java, &downloads.kafka_jars);
    let run_broker = |file: &Path| -> Result<()> {
        eprintln!("Preparing Kafka's classes for this Java (takes some seconds, once) ...");
        let scratch = Scratch::new()?;
        let options = KafkaOptions::new(scratch.path().join("kafka"));
        let mut kafka = Kafka::start_to_archive(downloads, &options, file)?;
        run_first_client(downloads, &kafka.bootstrap_servers());
        kafka.stop()?;
        if file.exists() { Ok(()) } else { Err(Error::NoClassArchive { file: file.to_owned() }) }
    };
    // The folder is kept without the file after a failure, so that a Java that cannot write one does not try
    // at every start.
    fill_once(&folder, |target| {
        let file = target.join(FILE);
        if let Err(error) = run_broker(&file) {
            warn(&error);
            let _ = fs::remove_file(file);
        }
        Ok(())
    })
    .map(drop)
}

/// Makes the broker load the classes that serve a client, so that the archive contains them too.
fn run_first_client(downloads: &Downloads, bootstrap_servers: &str) {
    let _ = Command::new(&downloads.java.program)
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(downloads.kafka_jars.join("*"))
        .args(["org.apache.kafka.tools.TopicCommand", "--create", "--topic", "warm-up", "--bootstrap-server"])
        .arg(bootstrap_servers)
        .output();
}

/// Beside the jars, named for the Java: an archive fits only these paths and this Java.
fn folder(java: &Java, jars: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    java.version.hash(&mut hasher);
    let name = jars.file_name().unwrap_or_default().to_string_lossy();
    jars.with_file_name(format!("{name}-classes-{:016x}", hasher.finish()))
}
