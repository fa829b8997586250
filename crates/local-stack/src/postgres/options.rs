//! How to start PostgreSQL.

use std::path::PathBuf;

/// See the module.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Tables, WAL and log files. Created if it does not exist.
    pub data_dir: PathBuf,
    /// 0 for a free port.
    pub port: u16,
    /// The flag or variable that an error names when the port is in use.
    pub port_setting: &'static str,
    /// As in postgresql.conf; the last one of a name counts.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// A free port, and no additional settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: 0,
            port_setting: "another PostgresOptions::port",
            settings: Vec::new(),
        }
    }

    /// Does not wait for the disk, for data that is thrown away. Commits still survive `kill`, but not a
    /// power cut.
    #[must_use]
    pub fn for_tests(mut self) -> Self {
        for name in ["fsync", "full_page_writes"] {
            self.settings.push((name.to_owned(), "off".to_owned()));
        }
        self
    }
}
