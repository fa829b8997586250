//! How to start Kafka.

use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Log segments, settings and log files. Created if it does not exist.
    pub data_dir: PathBuf,
    /// 0 for a free port.
    pub port: u16,
    /// The flag or variable that an error names when the port is in use.
    pub port_setting: &'static str,
    /// Heap in MiB.
    pub heap_mib: u32,
    /// Compiles less: half the work at the start, and slower afterwards.
    pub quick_start: bool,
    /// Lines for `server.properties`; the last one of a name counts.
    pub settings: Vec<(String, String)>,
}

impl KafkaOptions {
    /// A free port, a heap of 512 MiB, and no additional settings.
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
