//! How to start Kafka.

use std::path::PathBuf;

use crate::error::Result;
use crate::kafka_mode::KafkaMode;

/// See the module.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Log segments, settings and log files. Created if it does not exist.
    pub data_dir: PathBuf,
    /// 0 for a free port.
    pub port: u16,
    /// The flag or variable that an error names when the port is in use.
    pub port_setting: &'static str,
    /// Where Kafka keeps its metadata.
    pub mode: KafkaMode,
    /// The port of ZooKeeper in ZooKeeper mode; 0 picks a free port.
    pub zookeeper_port: u16,
    /// The flag or variable that an error names when ZooKeeper's port is in use.
    pub zookeeper_port_setting: &'static str,
    /// Heap in MiB.
    pub heap_mib: u32,
    /// Compiles less: half the work at the start, and slower afterwards.
    pub quick_start: bool,
    /// Lines for `server.properties`; the last one of a name counts.
    pub settings: Vec<(String, String)>,
}

impl KafkaOptions {
    /// KRaft mode, free ports, a heap of 512 MiB, and no additional settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: 0,
            port_setting: "another KafkaOptions::port",
            mode: KafkaMode::default(),
            zookeeper_port: 0,
            zookeeper_port_setting: "another KafkaOptions::zookeeper_port",
            heap_mib: 512,
            quick_start: false,
            settings: Vec::new(),
        }
    }

    /// For brokers that live for seconds, in the mode that the environment of the tests names.
    pub fn for_tests(mut self) -> Result<Self> {
        self.quick_start = true;
        self.mode = KafkaMode::of_tests()?;
        Ok(self)
    }
}
