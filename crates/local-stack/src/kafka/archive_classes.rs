//! Writes the class archive: a broker is started and stopped for it, once per Java.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Kafka, KafkaOptions};
use crate::class_archive;
use crate::downloads::{Downloads, fill_once, kafka_jars};
use crate::error::{Error, Result};
use crate::kafka_mode::KafkaMode;
use crate::scratch::Scratch;

/// Creates the archive if there is none. Everything works without one, only slower, so a failure is only a
/// warning.
pub(super) fn ensure_archive(downloads: &Downloads) {
    if let Err(error) = create(downloads) {
        warn(&error);
    }
}

fn warn(error: &Error) {
    output::note!("warning: Kafka starts slower than it could: {error}");
}

fn create(downloads: &Downloads) -> Result<()> {
    let jars = kafka_jars(KafkaMode::Kraft)?;
    let folder = class_archive::folder(&downloads.java, &jars);
    let run_broker = |file: &Path| -> Result<()> {
        output::note!("Preparing Kafka's classes for this Java (takes some seconds, once) ...");
        let scratch = Scratch::new()?;
        let options = KafkaOptions::new(scratch.path().join("kafka"));
        let mut kafka = Kafka::start_to_archive(downloads, &options, file)?;
        run_first_client(downloads, &jars, &kafka.bootstrap_servers());
        kafka.stop()?;
        if file.exists() { Ok(()) } else { Err(Error::NoClassArchive { file: file.to_owned() }) }
    };
    // The folder is kept without the file after a failure, so that a Java that cannot write one does not try
    // at every start.
    fill_once(&folder, |target| {
        let file = target.join(class_archive::FILE);
        if let Err(error) = run_broker(&file) {
            warn(&error);
            let _ = fs::remove_file(file);
        }
        Ok(())
    })
    .map(drop)
}

/// Makes the broker load the classes that serve a client, so that the archive contains them too.
fn run_first_client(downloads: &Downloads, jars: &Path, bootstrap_servers: &str) {
    let _ = Command::new(&downloads.java.program)
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars.join("*"))
        .args(["org.apache.kafka.tools.TopicCommand", "--create", "--topic", "warm-up", "--bootstrap-server"])
        .arg(bootstrap_servers)
        .output();
}
