//! Kafka's classes as this Java has loaded them before, in one file that the next start maps into memory: half the time and work of a
//! start, of the broker and of every command line tool. Made once per Java, by a broker that is started and stopped.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::downloads::{Downloads, fetched};
use crate::error::{Error, Result};
use crate::java::Java;
use crate::kafka::{Kafka, KafkaOptions};
use crate::scratch::Scratch;

const FILE: &str = "classes.jsa";

/// Flags for `java`: nothing where there is no archive, and no word from Java where it finds that one does not fit.
pub(crate) fn flags(java: &Java, jars: &Path) -> Vec<String> {
    let mut flags = vec!["-Xlog:disable".to_owned(), "-Xlog:all=error:stderr".to_owned()];
    let archive = folder(java, jars).join(FILE);
    if archive.exists() {
        flags.push(format!("-XX:SharedArchiveFile={}", archive.display()));
    }
    flags
}

/// Makes the archive if there is none. Without one everything works, only slower: a failure is said and no error.
pub(crate) fn ensure(downloads: &Downloads) {
    if let Err(error) = make(downloads) {
        eprintln!("warning: Kafka will start slower than it could: {error}");
    }
}

fn make(downloads: &Downloads) -> Result<()> {
    let folder = folder(&downloads.java, &downloads.kafka_jars);
    let broker = |target: &Path| -> Result<()> {
        eprintln!("Preparing Kafka's classes for this Java (some seconds, once) ...");
        let scratch = Scratch::new()?;
        let options = KafkaOptions::new(scratch.path().join("kafka"));
        let mut kafka = Kafka::start_to_archive(downloads, &options, &target.join(FILE))?;
        exercise(downloads, &kafka.bootstrap_servers());
        kafka.stop()?;
        if target.join(FILE).exists() {
            return Ok(());
        }
        Err(Error::Usage("Java wrote no class archive".to_owned()))
    };
    // A Java that cannot do it is not asked again and again.
    fetched(&folder, |target| {
        broker(target).or_else(|error| {
            eprintln!("warning: Kafka will start slower than it could: {error}");
            let _ = fs::remove_file(target.join(FILE));
            Ok(())
        })
    })
    .map(drop)
}

/// What a first client does, so that these classes are in it too.
fn exercise(downloads: &Downloads, bootstrap_servers: &str) {
    let _ = Command::new(&downloads.java.program)
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(downloads.kafka_jars.join("*"))
        .args(["org.apache.kafka.tools.TopicCommand", "--create", "--topic", "warm-up", "--bootstrap-server"])
        .arg(bootstrap_servers)
        .output();
}

/// Beside the jars: an archive is bound to their paths and to the Java.
fn folder(java: &Java, jars: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    java.version.hash(&mut hasher);
    let name = jars.file_name().unwrap_or_default().to_string_lossy();
    jars.with_file_name(format!("{name}-classes-{:016x}", hasher.finish()))
}
