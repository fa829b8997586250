//! A real schema registry: Apicurio Registry, on 127.0.0.1 only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::account;
use crate::downloads::RegistryDownloads;
use crate::error::{Attempt, Result};
use crate::ports;
use crate::server::{Server, ServerKind, delegate_to_server};

const NAME: &str = "Apicurio Registry";

/// How to start the registry.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Its schemas and log files. Created if it does not exist.
    pub data_dir: PathBuf,
    /// 0 for a free port.
    pub port: u16,
    /// The flag or variable that an error names when the port is in use.
    pub port_setting: &'static str,
    /// Its settings, as environment variables.
    pub settings: Vec<(String, String)>,
}

impl RegistryOptions {
    /// A free port.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: 0,
            port_setting: "another RegistryOptions::port",
            settings: Vec::new(),
        }
    }
}

/// A running registry. Dropping it stops it.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    port: u16,
}

impl Registry {
    /// Starts the registry and returns when it answers, after about 10 seconds.
    pub fn start(downloads: &RegistryDownloads, options: &RegistryOptions) -> Result<Self> {
        fs::create_dir_all(&options.data_dir).attempt_on("creating", &options.data_dir)?;
        account::require_ours(NAME, &options.data_dir)?;
        ports::start_on(NAME, options.port, options.port_setting, |port| {
            let app = App {
                downloads: downloads.clone(),
                data: options.data_dir.clone(),
                log: options.data_dir.join("output.log"),
                port,
                management_port: ports::free_port()?,
                settings: options.settings.clone(),
            };
            Ok(Self { server: Server::start(Box::new(app), &options.data_dir)?, port })
        })
    }

    /// The URL of its API that is compatible with Confluent's.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }

    /// The port that the registry listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    delegate_to_server!();
}

#[derive(Debug)]
struct App {
    downloads: RegistryDownloads,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    management_port: u16,
    settings: Vec<(String, String)>,
}

impl ServerKind for App {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.downloads.java.program);
        command
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-jar"])
            .arg(self.downloads.app.join("quarkus-run.jar"))
            .env("QUARKUS_HTTP_HOST", "127.0.0.1")
            .env("QUARKUS_HTTP_PORT", self.port.to_string())
            .env("QUARKUS_MANAGEMENT_HOST", "127.0.0.1")
            .env("QUARKUS_MANAGEMENT_PORT", self.management_port.to_string())
            // Without this, it would keep the schemas in memory only.
            .env("APICURIO_DATASOURCE_URL", format!("jdbc:h2:file:{}", self.data.join("registry").display()))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn log(&self) -> &Path {
        &self.log
    }

    /// It opens its port before all of it has started; this line follows.
    fn is_ready(&self, _pid: u32) -> bool {
        let started = fs::read(&self.log)
            .is_ok_and(|log| String::from_utf8_lossy(&log).contains("Listening on: http://"));
        started && ports::answers(self.port)
    }

    /// Long, because on a busy machine it has taken more than a minute.
    fn start_limit(&self) -> Duration {
        Duration::from_secs(240)
    }
}
