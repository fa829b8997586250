//! Kafka and PostgreSQL as containers, for tests on a machine with a Docker engine and without Java or Maven.

use std::env;
use std::process::{Command, Stdio};

use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::cleaner::Cleaner;
use crate::downloads::KAFKA_VERSION;
use crate::error::Result;
use crate::ports::free_port;
use crate::postgres::{DATABASE, PASSWORD, USER};

/// 0 to use no containers.
const VARIABLE: &str = "FOOD_ORDERS_TEST_DOCKER";

/// Two running containers, removed when this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Containers {
    pub bootstrap_servers: String,
    pub database_url: String,
    // Removes the containers. testcontainers would do it on drop, but needs a runtime for that, which a
    // static does not have.
    _cleaner: Cleaner,
}

/// `None` if no Docker engine answers, or if it cannot start the containers, which is reported.
pub(crate) async fn start() -> Result<Option<Containers>> {
    if env::var(VARIABLE).is_ok_and(|value| value == "0") || !engine_answers() {
        return Ok(None);
    }
    let kafka_port = free_port()?;
    let started = tokio::join!(start_kafka(kafka_port), start_postgres());
    let (kafka, (postgres, postgres_port)) = match started {
        (Ok(kafka), Ok(postgres)) => (kafka, postgres),
        (Err(e), _) | (_, Err(e)) => {
            output::note!(
                "warning: Docker answers, but could not start the containers: {e}. Starting child processes instead"
            );
            return Ok(None);
        }
    };
    let cleaner = Cleaner::new("docker rm --force --volumes \"$@\"", [kafka.id(), postgres.id()])?;
    std::mem::forget((kafka, postgres));
    Ok(Some(Containers {
        bootstrap_servers: format!("127.0.0.1:{kafka_port}"),
        database_url: format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{postgres_port}/{DATABASE}"),
        _cleaner: cleaner,
    }))
}

/// Asks the `docker` command line client, because the cleaner uses it as well.
fn engine_answers() -> bool {
    Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

type Started<T> = std::result::Result<T, testcontainers::TestcontainersError>;

async fn start_kafka(port: u16) -> Started<ContainerAsync<GenericImage>> {
    let settings = [
        ("KAFKA_NODE_ID", "1".to_owned()),
        ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093".to_owned()),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT".to_owned()),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned()),
        ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093".to_owned()),
        // The broker tells its clients to connect here, so it has to be the port on the host.
        ("KAFKA_ADVERTISED_LISTENERS", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1".to_owned()),
        ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1".to_owned()),
    ];
    let mut image = GenericImage::new("apache/kafka", KAFKA_VERSION)
        .with_wait_for(WaitFor::message_on_stdout("Kafka Server started"))
        .with_mapped_port(port, ContainerPort::Tcp(9092));
    for (name, value) in settings {
        image = image.with_env_var(name, value);
    }
    image.start().await
}

async fn start_postgres() -> Started<(ContainerAsync<GenericImage>, u16)> {
    let container = GenericImage::new("postgres", "18")
        .with_exposed_port(ContainerPort::Tcp(5432))
        // The image starts a server on a Unix socket to create the database. Only the one after it listens on
        // TCP.
        .with_wait_for(WaitFor::message_on_stderr("listening on IPv4 address \"0.0.0.0\""))
        .with_wait_for(WaitFor::message_on_stderr("ready to accept connections"))
        .with_env_var("POSTGRES_USER", USER)
        .with_env_var("POSTGRES_PASSWORD", PASSWORD)
        .with_env_var("POSTGRES_DB", DATABASE)
        .with_cmd(["postgres", "-c", "fsync=off", "-c", "full_page_writes=off"])
        .start()
        .await?;
    let port = container.get_host_port_ipv4(5432).await?;
    Ok((container, port))
}
