//! Java with the classes of one release of Kafka: what a broker, its ZooKeeper and the tool that formats data run on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::class_archive;
use crate::downloads::{Downloads, kafka_jars};
use crate::error::{Attempt, Result};
use crate::java::Java;
use crate::kafka_mode::KafkaMode;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Jvm {
    java: Java,
    jars: PathBuf,
    logging: Logging,
}

/// The logging back end of a release: its settings, the name of their file, and the property that names this file.
#[derive(Debug, Clone, Copy)]
struct Logging {
    settings: &'static str,
    file: &'static str,
    property: &'static str,
}

const LOG4J2: Logging = Logging {
    settings: include_str!("../log4j2-broker.properties"),
    file: "log4j2.properties",
    property: "log4j2.configurationFile=",
};
const LOG4J1: Logging = Logging {
    settings: include_str!("../log4j-broker.properties"),
    file: "log4j.properties",
    // It takes a URL.
    property: "log4j.configuration=file:",
};

impl Jvm {
    pub fn new(downloads: &Downloads, mode: KafkaMode) -> Result<Self> {
        let logging = match mode {
            KafkaMode::Kraft => LOG4J2,
            KafkaMode::ZooKeeper => LOG4J1,
        };
        Ok(Self { java: downloads.java.clone(), jars: kafka_jars(mode)?, logging })
    }

    /// Writes the settings of the log into the folder of the server.
    pub fn write_log_settings(&self, folder: &Path) -> Result<()> {
        let path = folder.join(self.logging.file);
        fs::write(&path, self.logging.settings).attempt_on("writing", &path)
    }

    /// The command without a class, for a server with this folder, which logs to this file.
    pub fn command(&self, folder: &Path, heap_mib: u32, log: &Path) -> Command {
        let Logging { file, property, .. } = self.logging;
        let mut command = Command::new(&self.java.program);
        command
            .args(class_archive::flags(&self.java, &self.jars))
            .arg(format!("-Xmx{heap_mib}m"))
            .arg(format!("-D{property}{}", folder.join(file).display()))
            .arg(format!("-Dfood-orders.log={}", log.display()))
            .arg("-cp")
            .arg(self.jars.join("*"));
        command
    }
}
