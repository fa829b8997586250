//! The surroundings of a measurement: machine, versions, settings.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Serialize;
use service::Failure;

use crate::server::Server;

/// The settings of PostgreSQL that matter for the speed of writing.
const POSTGRES_SETTINGS: [&str; 12] = [
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_level",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
    "jit",
    "io_method",
    "server_version_num",
];
/// The environment variables that change how the consumer works.
const CONSUMER_VARIABLES: [&str; 4] = ["LANES", "BATCH_RECORDS", "SYNCHRONOUS_COMMIT", "MAX_RECORD_BYTES"];

#[derive(Clone, Debug, Serialize)]
pub struct Environment {
    pub processor: String,
    pub processors: usize,
    pub memory_bytes: Option<u64>,
    pub kernel: String,
    /// The load average of the minute before the first measurement. Other work on the machine spoils a
    /// measurement.
    pub load_before: String,
    pub commit: Option<String>,
    pub rustc: &'static str,
    pub librdkafka: String,
    pub kafka: String,
    pub postgres: String,
    pub postgres_program: Option<String>,
    pub postgres_settings: BTreeMap<&'static str, String>,
    pub consumer_variables: BTreeMap<&'static str, String>,
}

impl Environment {
    pub async fn detect(server: &Server) -> Result<Self, Failure> {
        let mut postgres_settings = BTreeMap::new();
        for name in POSTGRES_SETTINGS {
            // Older versions lack some of the settings.
            if let Ok(value) = server.setting(name).await {
                postgres_settings.insert(name, value);
            }
        }
        Ok(Self {
            processor: after_colon("/proc/cpuinfo", "model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: memory(),
            kernel: file("/proc/sys/kernel/osrelease"),
            load_before: file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            commit: commit(),
            rustc: env!("BENCH_RUSTC"),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            kafka: kafka(),
            postgres: server.setting("server_version").await?,
            postgres_program: server.program(),
            postgres_settings,
            consumer_variables: CONSUMER_VARIABLES
                .into_iter()
                .filter_map(|name| Some((name, std::env::var(name).ok()?)))
                .collect(),
        })
    }
}

/// A broker does not report its version, but that of local-stack is known.
fn kafka() -> String {
    let given = |name: &str| std::env::var(name).ok();
    match (given(local_stack::KAFKA_VARIABLE), given("KAFKA_BOOTSTRAP_SERVERS")) {
        (Some(started), Some(used)) if started == used => {
            format!("{} (local-stack)", local_stack::KAFKA_VERSION)
        }
        _ => "unknown".to_owned(),
    }
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn memory() -> Option<u64> {
    let kib: u64 = after_colon("/proc/meminfo", "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn after_colon(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
