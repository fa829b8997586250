//! The server process of one data folder: its settings, its command line, and when it is ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{NAME, PostgresOptions};
use crate::account::Account;
use crate::postgres_bin::PgBin;
use crate::server::ServerKind;

/// For data that people keep, so fsync stays on. Sized for one machine that runs everything.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // No Unix socket: ordinary users may not write to its usual folders.
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    ("max_connections", "100"),
    ("shared_buffers", "256MB"),
    // After a checkpoint, the first change of a page writes the full page to the WAL: fewer checkpoints, less
    // to write.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    // For disks without moving heads.
    ("random_page_cost", "1.1"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
];

#[derive(Debug)]
pub(super) struct Cluster {
    account: Account,
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
}

impl Cluster {
    pub fn new(account: &Account, bin: &PgBin, options: &PostgresOptions, port: u16) -> Self {
        Self {
            account: account.clone(),
            program: bin.postgres(),
            data: options.data_dir.join("data"),
            // PostgreSQL logs to its standard error output.
            log: options.data_dir.join("output.log"),
            port,
            settings: options.settings.clone(),
        }
    }
}

impl ServerKind for Cluster {
    fn name(&self) -> &'static str {
        NAME
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        let defaults = SETTINGS.iter().map(|(name, value)| format!("{name}={value}"));
        let additional = self.settings.iter().map(|(name, value)| format!("{name}={value}"));
        for setting in defaults.chain(additional) {
            command.arg("-c").arg(setting);
        }
        self.account.apply(&mut command);
        command
    }

    fn log(&self) -> &Path {
        &self.log
    }

    /// By the file that pg_ctl reads as well: line 1 is the pid, line 8 the state.
    fn is_ready(&self, pid: u32) -> bool {
        let Ok(text) = fs::read_to_string(self.data.join("postmaster.pid")) else {
            return false;
        };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }

    /// A "fast" shutdown: it ends the sessions and writes everything to disk.
    fn stop_signal(&self) -> Signal {
        Signal::SIGINT
    }

    fn immediate_signal(&self) -> Signal {
        Signal::SIGQUIT
    }

    /// Long, because recovery after a kill may have to read gigabytes of WAL.
    fn start_limit(&self) -> Duration {
        Duration::from_secs(180)
    }
}
