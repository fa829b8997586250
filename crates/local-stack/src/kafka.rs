//! A real Apache Kafka: one KRaft node that is broker and controller, on 127.0.0.1 only.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::account;
use crate::class_archive;
use crate::downloads::Downloads;
use crate::error::{Attempt, Error, Result};
use crate::java::Java;
use crate::ports;
use crate::server::{Kind, Server, delegate_to_server, excerpt};

const NAME: &str = "Kafka";
/// How often another free port is tried when someone was faster.
const FREE_PORT_TRIES: u32 = 3;

/// How to start it.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Log segments, settings and log files. Made if missing.
    pub data_dir: PathBuf,
    /// 0 takes a free one.
    pub port: u16,
    /// The flag or variable named where the port is busy.
    pub port_setting: &'static str,
    /// Heap in MiB.
    pub heap_mib: u32,
    /// Starts with half the work and runs slower later: for tests.
    pub quick_start: bool,
    /// Lines for `server.properties`; the last one of a name counts.
    pub settings: Vec<(String, String)>,
}

impl KafkaOptions {
    /// A free port, a heap of 512 MiB, no settings of one's own.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: 0,
            port_setting: "another KafkaOptions::port",
            heap_mib: 512,
            quick_start: false,
            settings: Vec::new(),
        }
    }
    /// For brokers that live for seconds.
    #[must_use]
    pub fn for_tests(mut self) -> Self {
        self.quick_start = true;
        self
    }
}

/// A running Kafka. Dropping it stops it.
#[derive(Debug)]
pub struct Kafka {
    server: Server,
    port: u16,
}

impl Kafka {
    /// Starts it and returns when it takes requests, after 2 to 4 seconds. The first start of a data folder formats it.
    pub fn start(downloads: &Downloads, options: &KafkaOptions) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        class_archive::ensure(downloads);
        if options.port != 0 {
            ports::require_free(NAME, options.port, options.port_setting)?;
            return Self::start_on(downloads, options, options.port, None);
        }
        let mut tries = 1;
        loop {
            let port = ports::free_port()?;
            match Self::start_on(downloads, options, port, None) {
                Err(Error::NotStarted { .. })
                    if tries < FREE_PORT_TRIES && ports::require_free(NAME, port, "").is_err() =>
                {
                    tries += 1
                }
                result => return result,
            }
        }
    }

    /// On a free port, writing the classes that it loads to this file when it is stopped.
    pub(crate) fn start_to_archive(
        downloads: &Downloads,
        options: &KafkaOptions,
        archive: &Path,
    ) -> Result<Self> {
        prepare_folder(&options.data_dir)?;
        Self::start_on(downloads, options, ports::free_port()?, Some(archive))
    }

    fn start_on(
        downloads: &Downloads,
        options: &KafkaOptions,
        port: u16,
        archive: Option<&Path>,
    ) -> Result<Self> {
        let node = Node {
            java: downloads.java.clone(),
            quick_start: options.quick_start,
            archive: archive.map(Path::to_owned),
            jars: downloads.kafka_jars.clone(),
            folder: options.data_dir.clone(),
            log: options.data_dir.join("kafka.log"),
            port,
            heap_mib: options.heap_mib,
        };
        node.write_settings(ports::free_port()?, &options.settings)?;
        node.format_once()?;
        Ok(Self { server: Server::start(Box::new(node), &options.data_dir)?, port })
    }

    /// For clients: `127.0.0.1:PORT`.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    delegate_to_server!();
}

fn prepare_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).attempt_on("creating", folder)?;
    account::require_ours(NAME, folder)
}

#[derive(Debug)]
struct Node {
    java: Java,
    quick_start: bool,
    /// Where to write the class archive, in the one start that makes it.
    archive: Option<PathBuf>,
    jars: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    heap_mib: u32,
}

impl Node {
    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn write_settings(&self, controller_port: u16, own: &[(String, String)]) -> Result<()> {
        let mut text = include_str!("kafka.properties")
            .replace("@PORT@", &self.port.to_string())
            .replace("@CONTROLLER_PORT@", &controller_port.to_string())
            .replace("@DATA@", &self.data().display().to_string());
        for (name, value) in own {
            text.push_str(&format!("{name}={value}\n"));
        }
        let path = self.properties();
        fs::write(&path, text).attempt_on("writing", &path)?;
        let path = self.folder.join("log4j2.properties");
        fs::write(&path, include_str!("log4j2-broker.properties")).attempt_on("writing", &path)
    }

    /// Formats a new data folder under another name first, so that a formatted one is always whole.
    fn format_once(&self) -> Result<()> {
        let data = self.data();
        if data.join("meta.properties").exists() {
            return Ok(());
        }
        if data.exists() {
            return Err(Error::DataFolder {
                server: NAME,
                folder: data,
                cause: "it is there, but not one of Kafka's (no meta.properties). Move it away, or `./food-orders reset`".to_owned(),
            });
        }
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).attempt_on("removing", &unfinished)?;
        }
        let settings = self.folder.join("format.properties");
        let text = fs::read_to_string(self.properties()).attempt_on("reading", &self.properties())?;
        fs::write(&settings, format!("{text}\nlog.dirs={}\n", unfinished.display()))
            .attempt_on("writing", &settings)?;
        let output = self
            .java(256, &self.folder.join("format.log"))
            .arg("-XX:TieredStopAtLevel=1")
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", &new_cluster_id(), "--config"])
            .arg(&settings)
            .stdin(Stdio::null())
            .output()
            .attempt("formatting Kafka's data folder")?;
        if !output.status.success() {
            return Err(Error::DataFolder {
                server: NAME,
                folder: unfinished,
                cause: format!(
                    "formatting it failed ({}): {} {}",
                    output.status,
                    String::from_utf8_lossy(&output.stderr).trim(),
                    excerpt(&self.folder.join("format.log"))
                ),
            });
        }
        fs::rename(&unfinished, &data).attempt_on("creating", &data)
    }

    fn java(&self, heap_mib: u32, log: &Path) -> Command {
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

impl Kind for Node {
    fn name(&self) -> &'static str {
        NAME
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

    fn is_ready(&self, _pid: u32) -> bool {
        // The broker writes this when it is registered, not fenced, and serves requests. The port alone is open earlier. The log file
        // is a new one with every start.
        let started = fs::read(&self.log)
            .is_ok_and(|log| String::from_utf8_lossy(&log).contains("Kafka Server started"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        started && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    }

    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    fn immediate_signal(&self) -> Signal {
        Signal::SIGKILL
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// 16 random bytes in URL-safe Base64, as Kafka writes its ids. It begins with an alphabetic character, because a leading dash would read as a flag.
fn new_cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = uuid::Uuid::new_v4().as_u128() >> 1;
    // 22 digits of 6 bits hold 128 bits and 4 zeros at the end.
    (0..22)
        .map(|digit| {
            let six = if digit == 21 { (bits << 4) & 63 } else { (bits >> (122 - 6 * digit)) & 63 };
            char::from(ALPHABET[usize::try_from(six).unwrap_or(0)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_are_22_characters_and_begin_with_a_dead_letter() {
        for _ in 0..1000 {
            let id = new_cluster_id();
            assert_eq!(id.len(), 22, "{id}");
            assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), "{id}");
            // The last digit holds two bits.
            assert!(id.ends_with(['A', 'Q', 'g', 'w']), "{id}");
        }
    }
}
