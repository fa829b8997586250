//! The ZooKeeper beside a broker of ZooKeeper mode, on 127.0.0.1 only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::jvm::Jvm;
use super::{KafkaOptions, prepare_folder, zookeeper_commands};
use crate::downloads::Downloads;
use crate::error::{Attempt, Error, Result};
use crate::kafka_mode::KafkaMode;
use crate::ports;
use crate::server::{Server, ServerKind};

const NAME: &str = "ZooKeeper";
/// Enough for one broker and a handful of topics.
const HEAP_MIB: u32 = 128;
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running ZooKeeper. It belongs to its broker, which starts and stops it.
#[derive(Debug)]
pub struct ZooKeeper {
    server: Server,
    port: u16,
}

impl ZooKeeper {
    /// Starts it in the folder `zookeeper` of the broker, and returns when it accepts sessions.
    pub(super) fn start(downloads: &Downloads, options: &KafkaOptions) -> Result<Self> {
        let folder = options.data_dir.join("zookeeper");
        prepare_folder(&folder)?;
        let jvm = Jvm::new(downloads, KafkaMode::ZooKeeper)?;
        ports::start_on(NAME, options.zookeeper_port, options.zookeeper_port_setting, |port| {
            let kind =
                Kind { jvm: jvm.clone(), log: folder.join("zookeeper.log"), folder: folder.clone(), port };
            kind.write_settings()?;
            Ok(Self { server: Server::start(Box::new(kind), &folder)?, port })
        })
    }

    /// `127.0.0.1:PORT`, for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id; `None` after it was stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        self.server.log()
    }

    pub(super) fn runs(&mut self) -> bool {
        self.server.runs()
    }

    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.server.take_failure()
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.server.stop(STOP_LIMIT)
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }
}

#[derive(Debug)]
struct Kind {
    jvm: Jvm,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
}

impl Kind {
    fn settings(&self) -> PathBuf {
        self.folder.join("zookeeper.properties")
    }

    fn write_settings(&self) -> Result<()> {
        let text = include_str!("../zookeeper.properties")
            .replace("@PORT@", &self.port.to_string())
            .replace("@DATA@", &self.folder.join("data").display().to_string());
        fs::write(self.settings(), text).attempt_on("writing", &self.settings())?;
        self.jvm.write_log_settings(&self.folder)
    }
}

impl ServerKind for Kind {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self) -> Command {
        let mut command = self.jvm.command(&self.folder, HEAP_MIB, &self.log);
        command
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"])
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(self.settings());
        command
    }

    fn log(&self) -> &Path {
        &self.log
    }

    fn is_ready(&self, _pid: u32) -> bool {
        zookeeper_commands::serves(self.port)
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(60)
    }
}
