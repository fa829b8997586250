//! One node: its settings, its command line, and when it is ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::jvm::Jvm;
use super::place::Place;
use super::{KafkaOptions, controller, zookeeper_commands};
use crate::downloads::Downloads;
use crate::error::{Attempt, Error, Result};
use crate::ports;
use crate::server::ServerKind;

/// How long a start waits for the end of the broker's earlier session, which ZooKeeper ends after 10 s at most.
const SESSION_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Node {
    jvm: Jvm,
    quick_start: bool,
    /// Where to write the class archive, in the one start that makes it.
    archive: Option<PathBuf>,
    folder: PathBuf,
    log: PathBuf,
    name: String,
    place: Place,
    heap_mib: u32,
}

impl Node {
    pub fn new(
        downloads: &Downloads,
        options: &KafkaOptions,
        place: Place,
        archive: Option<&Path>,
    ) -> Result<Self> {
        Ok(Self {
            jvm: Jvm::new(downloads, options.mode)?,
            quick_start: options.quick_start,
            archive: archive.map(Path::to_owned),
            folder: options.data_dir.clone(),
            log: options.data_dir.join("kafka.log"),
            name: place.name(),
            place,
            heap_mib: options.heap_mib,
        })
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
        text.push_str(match self.place.zookeeper {
            None => include_str!("../kafka-kraft.properties"),
            Some(_) => include_str!("../kafka-zookeeper.properties"),
        });
        for (name, value) in additional {
            text.push_str(&format!("{name}={value}\n"));
        }
        let ports = self.place.own_ports();
        let text = text
            .replace("@NODE@", &self.place.node.to_string())
            .replace("@VOTERS@", &self.place.voters())
            .replace("@PORT@", &ports.broker.to_string())
            .replace("@CONTROLLER_PORT@", &ports.controller.to_string())
            .replace("@ZOOKEEPER_PORT@", &self.place.zookeeper.unwrap_or_default().to_string())
            .replace("@REPLICAS@", &self.place.replicas().to_string())
            .replace("@IN_SYNC@", &self.place.in_sync().to_string())
            .replace("@DATA@", &self.data().display().to_string());
        let path = self.properties();
        fs::write(&path, text).attempt_on("writing", &path)?;
        self.jvm.write_log_settings(&self.folder)
    }

    /// Java with Kafka's classes, logging to this file.
    pub fn java(&self, heap_mib: u32, log: &Path) -> Command {
        self.jvm.command(&self.folder, heap_mib, log)
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

    /// A broker that was killed leaves a session in ZooKeeper, and with it the node that says that it runs.
    /// Its next start would find that node, and end with `NodeExists`.
    fn before_start(&self) -> Result<()> {
        let Some(port) = self.place.zookeeper else { return Ok(()) };
        let node = format!("/brokers/ids/{}", self.place.node);
        let deadline = Instant::now() + SESSION_LIMIT;
        // Where ZooKeeper does not answer, the broker says so itself.
        while zookeeper_commands::is_held(port, &node).unwrap_or(false) {
            if Instant::now() >= deadline {
                return Err(Error::SessionOpen { port, node, seconds: SESSION_LIMIT.as_secs() });
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The broker opens its port before it serves requests. It writes when it does; the log file is a new one
    /// with every start.
    fn is_ready(&self, _pid: u32) -> bool {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let port = self.place.own_ports().broker;
        match self.place.zookeeper {
            // It is registered and not fenced.
            None => log.contains("Kafka Server started") && ports::answers(port),
            // The controller tells the broker about itself only after the start.
            Some(_) => zookeeper_mode_started(&log) && controller::is_known(port),
        }
    }

    /// One of several would wait for minutes for a majority that has ended as well, and one of ZooKeeper mode
    /// for its ZooKeeper.
    fn death_signal(&self) -> Signal {
        let waits = self.place.ports.len() > 1 || self.place.zookeeper.is_some();
        if waits { self.immediate_signal() } else { self.stop_signal() }
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// In ZooKeeper mode, the controller tells the broker which topics there are only after the start, and until then the broker answers
/// that they do not exist.
fn zookeeper_mode_started(log: &str) -> bool {
    let is_sent = |line: &&str| {
        line.contains("Sending UpdateMetadata request to brokers") && !line.contains(" for 0 partitions")
    };
    let is_received =
        |line: &&str| line.contains("from metadata cache in response to UpdateMetadata request");
    log.contains("started (kafka.server.KafkaServer)")
        && log.contains("Ready to serve as the new controller")
        && log.lines().filter(is_received).count() >= log.lines().filter(is_sent).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_of_zookeeper_mode_has_started_once_it_knows_its_topics() {
        let lines = [
            "Sending UpdateMetadata request to brokers HashSet(1) for 0 partitions",
            "Sending UpdateMetadata request to brokers HashSet(1) for 6 partitions",
            "[Controller id=1] Ready to serve as the new controller with epoch 3",
            "[KafkaServer id=1] started (kafka.server.KafkaServer)",
        ];
        let known = "[Broker id=1] Add 6 partitions and deleted 0 partitions from metadata cache in response to UpdateMetadata \
                     request sent by controller 1 epoch 3";
        assert!(!zookeeper_mode_started(&lines.join("\n")), "it knows no topic yet");
        assert!(zookeeper_mode_started(&[&lines[..], &[known]].concat().join("\n")));
        let new = [lines[0], lines[2], lines[3]].join("\n");
        assert!(zookeeper_mode_started(&new), "there is no topic");
        assert!(!zookeeper_mode_started(&[lines[0], lines[2]].join("\n")));
    }
}
