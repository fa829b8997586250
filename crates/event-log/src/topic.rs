//! The topic: created explicitly, or checked if it already exists.

mod replicas;
mod warnings;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::{Error, Result, is_no_answer, is_passing};
use crate::quiet::{Quiet, no_answer};
use crate::settings::KafkaSettings;
use replicas::Replicas;
use warnings::{cleanup_policy, retention, timestamp_type, warnings};

/// Bounds each request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the broker may take to answer at all, and then the partitions to get leaders.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing is said about a broker that does not answer.
const SILENCE: Duration = Duration::from_secs(1);
/// One can be lost, and a write still waits for two.
const WANTED_REPLICAS: usize = 3;

/// The settings for a topic that has to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub partitions: i32,
    /// Milliseconds until records are deleted; −1 means never.
    pub retention_ms: i64,
    /// Whether only the last record of a key is kept for ever.
    pub compacted: bool,
    /// `None`: as many as the cluster can keep, up to three.
    pub replicas: Option<i32>,
}

impl Default for TopicSpec {
    fn default() -> Self {
        Self { partitions: 6, retention_ms: -1, compacted: false, replicas: None }
    }
}

/// Where the timestamp of a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// From the broker, when it appends: within a partition, times follow offsets.
    LogAppendTime,
    /// From the producer, which may write any time.
    CreateTime,
    /// The broker does not say.
    Unknown,
}

impl fmt::Display for TimestampType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogAppendTime => "LogAppendTime",
            Self::CreateTime => "CreateTime",
            Self::Unknown => "unknown",
        })
    }
}

/// The topic as it was found or created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    pub partitions: usize,
    pub timestamp_type: TimestampType,
    /// The value of `cleanup.policy`; `None` if the broker does not report it.
    pub cleanup_policy: Option<String>,
    /// The settings that delete older records, with their values: `retention.ms` and `retention.bytes`, unless they are −1.
    pub retention: Vec<(&'static str, String)>,
    /// Whether this call has created it.
    pub created: bool,
    /// The settings that weaken what this system promises, each with the command that changes it.
    pub warnings: Vec<String>,
}

/// Creates the topic unless it exists: with the replicas of the spec; without any there, with three and `min.insync.replicas=2`
/// where the cluster has three brokers or more, else with as many as the brokers give it by default. Then it waits until
/// the topic can be written and read, and returns its settings. Several processes may do so at once. Waits up
/// to 20 s for the broker, and up to another 20 s for the partitions' leaders.
pub async fn ensure_topic(settings: &KafkaSettings, spec: &TopicSpec) -> Result<TopicState> {
    let admin = Admin::new(settings)?;
    let created = admin.announced(admin.create(spec)).await?;
    let replicas = admin.wait_for_leaders().await?;
    let config = admin.config().await;
    let warnings = config.as_ref().map(|config| warnings(&settings.topic, config, &replicas));
    Ok(TopicState {
        partitions: replicas.partitions,
        timestamp_type: config.as_ref().map_or(TimestampType::Unknown, timestamp_type),
        cleanup_policy: config.as_ref().and_then(cleanup_policy),
        retention: config.as_ref().map(retention).unwrap_or_default(),
        created,
        warnings: warnings.unwrap_or_default(),
    })
}

/// The settings of a topic that a rebuild depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// The value of `cleanup.policy`; `None` if the broker does not report it.
    pub cleanup_policy: Option<String>,
    /// Those that [`ensure_topic`] would return.
    pub warnings: Vec<String>,
}

/// The settings of the topic, which is not created. `None` if the broker does not return the settings,
/// or if the topic does not exist.
pub async fn topic_settings(settings: &KafkaSettings) -> Result<Option<TopicSettings>> {
    let admin = Admin::new(settings)?;
    let Some(config) = admin.config().await else { return Ok(None) };
    Ok(admin.replicas().await?.map(|replicas| TopicSettings {
        cleanup_policy: cleanup_policy(&config),
        warnings: warnings(&settings.topic, &config, &replicas),
    }))
}

/// The warnings that [`ensure_topic`] would return, without creating the topic. `None` if the broker
/// does not return the topic's settings, or if the topic does not exist.
pub async fn topic_warnings(settings: &KafkaSettings) -> Result<Option<Vec<String>>> {
    Ok(topic_settings(settings).await?.map(|settings| settings.warnings))
}

struct Admin<'a> {
    client: AdminClient<DefaultClientContext>,
    /// For metadata: a broker may create a topic that other clients only ask about.
    reader: Arc<BaseConsumer<Quiet>>,
    settings: &'a KafkaSettings,
    options: AdminOptions,
}

impl<'a> Admin<'a> {
    fn new(settings: &'a KafkaSettings) -> Result<Self> {
        let setting_up = Error::during("setting up a Kafka client");
        let config = settings.client_config("admin");
        let client = config.create().map_err(&setting_up)?;
        let reader = Arc::new(config.create_with_context(Quiet::default()).map_err(&setting_up)?);
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        Ok(Self { client, reader, settings, options })
    }

    /// Returns whether this call has created the topic.
    async fn create(&self, spec: &TopicSpec) -> Result<bool> {
        let retention = spec.retention_ms.to_string();
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            let replication = TopicReplication::Fixed(spec.replicas.unwrap_or(-1));
            let mut topic = NewTopic::new(&self.settings.topic, spec.partitions, replication)
                .set("retention.ms", &retention)
                .set("message.timestamp.type", "LogAppendTime");
            if spec.compacted {
                topic = topic.set("cleanup.policy", "compact");
            }
            // While no broker answers, the request below fails as well, and says so.
            let brokers = self.metadata().await.map_or(0, |found| found.brokers);
            if spec.replicas.is_none() && brokers >= WANTED_REPLICAS {
                topic.replication = TopicReplication::Fixed(WANTED_REPLICAS as i32);
                topic = topic.set("min.insync.replicas", "2");
            }
            // If the request as such fails, the connection is to blame, so it is tried again.
            let answer = self.client.create_topics([&topic], &self.options).await;
            let bootstrap_servers = &self.settings.bootstrap_servers;
            let no_answer = |problem: String| no_answer(&self.reader, bootstrap_servers, &problem);
            let error = match answer.as_deref() {
                Ok([Ok(_), ..]) => return Ok(true),
                Ok([Err((_, RDKafkaErrorCode::TopicAlreadyExists)), ..]) => return Ok(false),
                Ok([Err((_, code)), ..]) if is_no_answer(*code) => no_answer(code.to_string()),
                Ok([Err((_, code)), ..]) if !is_passing(*code) && !is_start_of_cluster(*code) => {
                    return self.not_created(*code).await;
                }
                Ok([Err((_, code)), ..]) => Error::NoBroker {
                    bootstrap_servers: bootstrap_servers.clone(),
                    problem: code.to_string(),
                },
                Ok([]) => no_answer("an empty answer".to_owned()),
                Err(error) => no_answer(error.to_string()),
            };
            if Instant::now() > deadline {
                return Err(error);
            }
            tracing::warn!(%error, "waiting for Kafka");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Does the work, and says that it waits for Kafka if that takes a while: each request may take much longer.
    async fn announced<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        match tokio::time::timeout(SILENCE, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                let bootstrap_servers = &self.settings.bootstrap_servers;
                let error = no_answer(&self.reader, bootstrap_servers, "there is no answer yet");
                tracing::warn!(%error, "waiting for Kafka at {bootstrap_servers}");
                work.await
            }
        }
    }

    /// A process that may not create topics can still use an existing one.
    async fn not_created(&self, code: RDKafkaErrorCode) -> Result<bool> {
        if self.replicas().await?.is_some_and(|replicas| replicas.all_led) {
            return Ok(false);
        }
        match code {
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
                let right =
                    "READ on the topic (WRITE if it produces), or CREATE on it if it does not exist yet";
                Err(Error::Denied { attempt: "finding or creating the topic", right })
            }
            code => Err(Error::TopicNotCreated { topic: self.settings.topic.clone(), code }),
        }
    }

    async fn wait_for_leaders(&self) -> Result<Replicas> {
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            if let Some(replicas) = self.replicas().await?.filter(|replicas| replicas.all_led) {
                return Ok(replicas);
            }
            if Instant::now() > deadline {
                let topic = self.settings.topic.clone();
                return Err(Error::NoLeader { topic, seconds: GIVE_UP_AFTER.as_secs() });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The brokers, and the topic's partitions; `None` while the topic is not there, or no broker answers.
    async fn replicas(&self) -> Result<Option<Replicas>> {
        match self.metadata().await {
            Ok(replicas) => Ok((replicas.partitions > 0).then_some(replicas)),
            Err(Error::Kafka { cause, .. }) if cause.rdkafka_error_code().is_some_and(is_passing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn metadata(&self) -> Result<Replicas> {
        const ATTEMPT: &str = "asking for the topic's partitions";
        let (reader, topic) = (Arc::clone(&self.reader), self.settings.topic.clone());
        // The call blocks.
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = reader.fetch_metadata(Some(&topic), TIMEOUT)?;
            Ok::<_, KafkaError>(Replicas::of(&metadata, &topic))
        });
        match asked.await {
            Ok(answer) => answer.map_err(Error::during(ATTEMPT)),
            Err(cause) => Err(Error::Task { attempt: ATTEMPT, cause }),
        }
    }

    /// `None` if the broker does not return the settings, which is not a reason to stop.
    async fn config(&self) -> Option<ConfigResource> {
        let topic = ResourceSpecifier::Topic(&self.settings.topic);
        let answer = self.client.describe_configs([&topic], &self.options).await;
        let resource = answer.ok()?.into_iter().next()?;
        resource.inspect_err(|code| tracing::debug!(%code, "the topic's settings cannot be read")).ok()
    }
}

/// Whether a cluster that is starting answers like this: fewer brokers have come up than a topic's default
/// replication needs, or fewer than were known a moment ago.
fn is_start_of_cluster(code: RDKafkaErrorCode) -> bool {
    code == RDKafkaErrorCode::InvalidReplicationFactor
}
