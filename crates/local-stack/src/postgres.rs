//! A real PostgreSQL on 127.0.0.1 only: user `kafka_user`, password `kafka_password`, database `food_orders`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::account::{self, Account};
use crate::downloads::{Downloads, PG_BIN_VARIABLE};
use crate::error::{Attempt, Error, Result};
use crate::ports;
use crate::postgres_bin::PgBin;
use crate::server::{Kind, Server, delegate_to_server};

const NAME: &str = "PostgreSQL";
const FREE_PORT_TRIES: u32 = 3;

/// The superuser, its password and the database: the same as in docker-compose.yml.
pub const USER: &str = "kafka_user";
pub const PASSWORD: &str = "kafka_password";
pub const DATABASE: &str = "food_orders";

/// For a store that people trust: fsync stays on. Sized for one machine that runs everything.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // No socket: its usual folders are not writable for everyone.
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    ("max_connections", "100"),
    ("shared_buffers", "256MB"),
    // Between two checkpoints every page is written whole once: fewer checkpoints, less to write.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    // Disks without heads.
    ("random_page_cost", "1.1"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
];

/// How to start it.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Tables, WAL and log files. Made if missing.
    pub data_dir: PathBuf,
    /// 0 takes a free one.
    pub port: u16,
    /// The flag or variable named where the port is busy.
    pub port_setting: &'static str,
    /// As in postgresql.conf; the last one of a name counts.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// A free port, no settings of one's own.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            port: 0,
            port_setting: "another PostgresOptions::port",
            settings: Vec::new(),
        }
    }

    /// Does not wait for the disk: for data that is thrown away. What was committed still survives `kill`, though not a power cut.
    #[must_use]
    pub fn for_tests(mut self) -> Self {
        for name in ["fsync", "full_page_writes"] {
            self.settings.push((name.to_owned(), "off".to_owned()));
        }
        self
    }
}

/// A running PostgreSQL. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    port: u16,
    version: String,
}

impl Postgres {
    /// Starts it and returns when it takes connections. The first start of a data folder creates the cluster, which takes a second.
    pub fn start(downloads: &Downloads, options: &PostgresOptions) -> Result<Self> {
        let account = Account::for_postgres()?;
        let bin = &downloads.postgres;
        prepare_folder(&account, &options.data_dir)?;
        let data = options.data_dir.join("data");
        if data.exists() {
            check_data(&account, bin, &data)?;
        } else {
            create_cluster(&account, bin, &options.data_dir, &data)?;
        }
        if options.port != 0 {
            ports::require_free(NAME, options.port, options.port_setting)?;
            return Self::start_on(&account, bin, options, options.port);
        }
        let mut tries = 1;
        loop {
            let port = ports::free_port()?;
            match Self::start_on(&account, bin, options, port) {
                Err(Error::NotStarted { .. })
                    if tries < FREE_PORT_TRIES && ports::require_free(NAME, port, "").is_err() =>
                {
                    tries += 1
                }
                result => return result,
            }
        }
    }

    fn start_on(account: &Account, bin: &PgBin, options: &PostgresOptions, port: u16) -> Result<Self> {
        let cluster = Cluster {
            account: account.clone(),
            program: bin.postgres(),
            data: options.data_dir.join("data"),
            // PostgreSQL logs to its standard error output.
            log: options.data_dir.join("output.log"),
            port,
            settings: options.settings.clone(),
        };
        Ok(Self {
            server: Server::start(Box::new(cluster), &options.data_dir)?,
            port,
            version: bin.version().to_owned(),
        })
    }

    /// The URL of the database `food_orders`, with user and password. The user may do everything.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Such as `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    delegate_to_server!();
}

/// The folder around the data: ours, and open to PostgreSQL's account, which has the data folder inside to itself.
fn prepare_folder(account: &Account, folder: &Path) -> Result<()> {
    if !folder.exists() {
        fs::create_dir_all(folder).attempt_on("creating", folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .attempt_on("changing the mode of", folder)?;
    }
    account::require_ours(NAME, folder)?;
    if account.can_enter(folder) {
        return Ok(());
    }
    Err(Error::DataFolder {
        server: NAME,
        folder: folder.to_owned(),
        cause: format!(
            "PostgreSQL refuses to run as root and is run as {}, who cannot enter this folder. Take one outside of root's home",
            account.name()
        ),
    })
}

/// The causes for which PostgreSQL would refuse a data folder, with the way out.
fn check_data(account: &Account, bin: &PgBin, data: &Path) -> Result<()> {
    let refuse = |cause: String| Err(Error::DataFolder { server: NAME, folder: data.to_owned(), cause });
    let owner = fs::metadata(data).attempt_on("looking at", data)?.uid();
    if owner != account.uid() {
        return refuse(format!(
            "it belongs to {}, and PostgreSQL would run as {}. Start this as the user who made it, or: chown -R {} {}",
            account::user_name(owner),
            account.name(),
            account.name(),
            data.display()
        ));
    }
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(version) if version.trim() == bin.major().to_string() => Ok(()),
        Ok(version) => refuse(format!(
            "PostgreSQL {} made it, and this is {}. Set {PG_BIN_VARIABLE} to the bin folder of PostgreSQL {}, or `./food-orders reset` \
             (the tables are rebuilt from the log; dead letters' decisions are not)",
            version.trim(),
            bin.major(),
            version.trim()
        )),
        Err(e) => refuse(format!(
            "it is there, but not one of PostgreSQL's (PG_VERSION: {e}). Move it away, or `./food-orders reset`"
        )),
    }
}

/// Under another name first, so that a data folder is always whole.
fn create_cluster(account: &Account, bin: &PgBin, folder: &Path, data: &Path) -> Result<()> {
    let unfinished = folder.join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).attempt_on("removing", &unfinished)?;
    }
    account.make_private_folder(&unfinished)?;
    let mut password = tempfile::NamedTempFile::new_in(folder).attempt_on("writing in", folder)?;
    writeln!(password, "{PASSWORD}").attempt("writing the password file")?;
    account.own(password.path())?;

    let mut initdb = Command::new(bin.initdb());
    initdb
        .arg("--pgdata")
        .arg(&unfinished)
        .arg("--pwfile")
        .arg(password.path())
        .args(["--username", USER, "--auth", "scram-sha-256"])
        // The same order of text on every machine, and the fastest.
        .args(["--encoding", "UTF8", "--locale", "C"])
        // Written out once, by the file system, before the data counts: a cluster lost with the power is simply made again.
        .arg("--no-sync")
        .current_dir("/");
    account.apply(&mut initdb);
    let output = initdb.stdin(Stdio::null()).output().attempt("running initdb")?;
    let failed = |cause: String| Error::DataFolder { server: NAME, folder: unfinished.clone(), cause };
    if !output.status.success() {
        return Err(failed(format!(
            "initdb failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    create_database(account, bin, &unfinished).map_err(failed)?;
    nix::unistd::sync();
    fs::rename(&unfinished, data).attempt_on("creating", data)
}

/// By PostgreSQL's single-user mode: no port, no client.
fn create_database(account: &Account, bin: &PgBin, data: &Path) -> std::result::Result<(), String> {
    let mut command = Command::new(bin.postgres());
    command
        .args(["--single", "-D"])
        .arg(data)
        .args(["-c", "fsync=off", "template1"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    account.apply(&mut command);
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "CREATE DATABASE {DATABASE}").map_err(|e| e.to_string())?;
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Single-user mode goes on after an error and ends with 0.
    if !output.status.success() || said.contains("ERROR:") {
        return Err(format!("creating the database failed ({}): {}", output.status, said.trim()));
    }
    Ok(())
}

#[derive(Debug)]
struct Cluster {
    account: Account,
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
}

impl Kind for Cluster {
    fn name(&self) -> &'static str {
        NAME
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string());
        let ours = SETTINGS.iter().map(|(name, value)| format!("{name}={value}"));
        let own = self.settings.iter().map(|(name, value)| format!("{name}={value}"));
        for setting in ours.chain(own) {
            command.arg("-c").arg(setting);
        }
        self.account.apply(&mut command);
        command
    }

    fn log(&self) -> &Path {
        &self.log
    }

    fn is_ready(&self, pid: u32) -> bool {
        // What pg_ctl looks at: line 1 is the pid, line 8 the state.
        let Ok(text) = fs::read_to_string(self.data.join("postmaster.pid")) else {
            return false;
        };
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }

    /// "Fast": sessions are ended, everything is written.
    fn stop_signal(&self) -> Signal {
        Signal::SIGINT
    }

    fn immediate_signal(&self) -> Signal {
        Signal::SIGQUIT
    }

    fn start_limit(&self) -> Duration {
        // Recovery after a kill may have gigabytes of WAL to read.
        Duration::from_secs(180)
    }
}
