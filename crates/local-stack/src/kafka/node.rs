//! One node: its settings, its command line, and when it is ready.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::KafkaOptions;
use super::place::Place;
use crate::class_archive;
use crate::downloads::Downloads;
use crate::error::{Attempt, Result};
use crate::java::Java;
use crate::server::ServerKind;

#[derive(Debug)]
pub(super) struct Node {
    java: Java,
    quick_start: bool,
    /// Where to write the class archive, in the one start that makes it.
    archive: Option<PathBuf>,
    jars: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    name: String,
    place: Place,
    heap_mib: u32,
}

impl Node {
    pub fn new(downloads: &Downloads, options: &KafkaOptions, place: Place, archive: Option<&Path>) -> Self {
        Self {
            java: downloads.java.clone(),
            quick_start: options.quick_start,
            archive: archive.map(Path::to_owned),
            jars: downloads.kafka_jars.clone(),
            folder: options.data_dir.clone(),
            log: options.data_dir.join("kafka.log"),
            name: place.name(),
            place,
            heap_mib: options.heap_mib,
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    pub fn write_settings(&self, additional: &[(String, String)]) -> Result<()> {
        let mut text = include_str!("../kafka.properties").to_owned();
        for (name, value) in additional {
            text.push_str(&format!("{name}={value}\n"));
        }
        let ports = self.place.own_ports();
        let text = text
            .replace("@NODE@", &self.place.node.to_string())
            .replace("@VOTERS@", &self.place.voters())
            .replace("@PORT@", &ports.broker.to_string())
            .replace("@CONTROLLER_PORT@", &ports.controller.to_string())
            .replace("@REPLICAS@", &self.place.replicas().to_string())
            .replace("@IN_SYNC@", &self.place.in_sync().to_string())
            .replace("@DATA@", &self.data().display().to_string());
        let path = self.properties();
        fs::write(&path, text).attempt_on("writing", &path)?;
        let path = self.folder.join("log4j2.properties");
        fs::write(&path, include_str!("../log4j2-broker.properties")).attempt_on("writing", &path)
    }

    /// Java with Kafka's classes, logging to this file.
    pub fn java(&self, heap_mib: u32, log: &Path) -> Command {
        let mut command = Command::new(&self.java.program);
        command
            .args(class_archive::flags(&self.java, &self.jars))
            .arg(format!("-Xmx{heap_mib}m"))
            .arg(format!("-Dlog4j2.configurationFile={}", self.folder.join("log4j2.properties").display()))
            .arg(format!("-Dfood-orders.log={}", log.display()))
            .arg("-cp")
            .arg(self.jars.join("*"));
        command
    }
}

impl ServerKind for Node {
    fn name(&self) -> &str {
        &self.name
    }

    fn command(&self) -> Command {
        let mut command = self.java(self.heap_mib, &self.log);
        if self.quick_start {
            command.arg("-XX:TieredStopAtLevel=1");
        }
        if let Some(archive) = &self.archive {
            command.arg(format!("-XX:ArchiveClassesAtExit={}", archive.display()));
        }
        command
            .args(["-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError"])
            .arg("kafka.Kafka")
            .arg(self.properties());
        command
    }

    fn log(&self) -> &Path {
        &self.log
    }

    /// The broker opens its port before it serves requests. It writes this line once it is registered and not
    /// fenced; the log file is a new one with every start.
    fn is_ready(&self, _pid: u32) -> bool {
        let started = fs::read(&self.log)
            .is_ok_and(|log| String::from_utf8_lossy(&log).contains("Kafka Server started"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.place.own_ports().broker));
        started && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    }

    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    /// One of several would wait for minutes for a majority that has ended as well.
    fn death_signal(&self) -> Signal {
        if self.place.ports.len() == 1 { self.stop_signal() } else { self.immediate_signal() }
    }

    fn immediate_signal(&self) -> Signal {
        Signal::SIGKILL
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(60)
    }
}
