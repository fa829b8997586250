//! The topic: created explicitly, or checked if it already exists.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::{Error, Result, is_passing};
use crate::settings::KafkaSettings;

/// Bounds each request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the broker may take to answer at all, and then the partitions to get leaders.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

/// The settings for a topic that has to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub partitions: i32,
    /// `None`: the broker's `default.replication.factor`.
    pub replication: Option<i32>,
    /// Milliseconds until records are deleted; −1 means never.
    pub retention_ms: i64,
}

impl Default for TopicSpec {
    fn default() -> Self {
        Self { partitions: 6, replication: None, retention_ms: -1 }
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
    /// Whether this call has created it.
    pub created: bool,
    /// The settings that weaken what this system promises, each with the command that changes it.
    pub warnings: Vec<String>,
}

/// Creates the topic unless it exists, waits until it can be written and read, and returns its
/// settings. Several processes may do so at once. Waits up to 20 s for the broker, and up to another
/// 20 s for the partitions' leaders.
pub async fn ensure_topic(settings: &KafkaSettings, spec: &TopicSpec) -> Result<TopicState> {
    let admin = Admin::new(settings)?;
    let created = admin.create(spec).await?;
    let partitions = admin.wait_for_leaders().await?;
    let config = admin.config().await;
    let (timestamp_type, warnings) = match &config {
        Some(config) => (timestamp_type(config), warnings(&settings.topic, config)),
        None => (TimestampType::Unknown, Vec::new()),
    };
    Ok(TopicState { partitions, timestamp_type, created, warnings })
}

/// The warnings that [`ensure_topic`] would return, without creating the topic. `None` if the broker
/// does not return the topic's settings, or if the topic does not exist.
pub async fn topic_warnings(settings: &KafkaSettings) -> Result<Option<Vec<String>>> {
    let admin = Admin::new(settings)?;
    Ok(admin.config().await.map(|config| warnings(&settings.topic, &config)))
}

struct Admin<'a> {
    client: Arc<AdminClient<DefaultClientContext>>,
    settings: &'a KafkaSettings,
    options: AdminOptions,
}

impl<'a> Admin<'a> {
    fn new(settings: &'a KafkaSettings) -> Result<Self> {
        let client = settings
            .client_config("admin")
            .create()
            .map(Arc::new)
            .map_err(Error::during("setting up a Kafka client"))?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        Ok(Self { client, settings, options })
    }

    /// Returns whether this call has created the topic.
    async fn create(&self, spec: &TopicSpec) -> Result<bool> {
        let retention = spec.retention_ms.to_string();
        let replication = TopicReplication::Fixed(spec.replication.unwrap_or(-1));
        let topic = NewTopic::new(&self.settings.topic, spec.partitions, replication)
            .set("retention.ms", &retention)
            .set("message.timestamp.type", "LogAppendTime");
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            // If the request as such fails, the connection is to blame, so it is tried again.
            let answer = self.client.create_topics([&topic], &self.options).await;
            let problem = match answer.as_deref() {
                Ok([Ok(_), ..]) => return Ok(true),
                Ok([Err((_, RDKafkaErrorCode::TopicAlreadyExists)), ..]) => return Ok(false),
                Ok([Err((_, code)), ..]) if !is_passing(*code) => return self.not_created(*code).await,
                Ok([Err((_, code)), ..]) => code.to_string(),
                Ok([]) => "an empty answer".to_owned(),
                Err(error) => error.to_string(),
            };
            let bootstrap_servers = &self.settings.bootstrap_servers;
            if Instant::now() > deadline {
                return Err(Error::NoBroker { bootstrap_servers: bootstrap_servers.clone(), problem });
            }
            tracing::warn!(problem, bootstrap_servers, "waiting for Kafka");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A process that may not create topics can still use an existing one.
    async fn not_created(&self, code: RDKafkaErrorCode) -> Result<bool> {
        if self.partitions_with_leaders().await?.is_some() {
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

    async fn wait_for_leaders(&self) -> Result<usize> {
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            if let Some(partitions) = self.partitions_with_leaders().await? {
                return Ok(partitions);
            }
            if Instant::now() > deadline {
                let topic = self.settings.topic.clone();
                return Err(Error::NoLeader { topic, seconds: GIVE_UP_AFTER.as_secs() });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The number of the topic's partitions; `None` until each has a leader.
    async fn partitions_with_leaders(&self) -> Result<Option<usize>> {
        let (client, topic) = (Arc::clone(&self.client), self.settings.topic.clone());
        // The call blocks.
        let counted = tokio::task::spawn_blocking(move || {
            let metadata = client.inner().fetch_metadata(Some(&topic), TIMEOUT)?;
            let topic = metadata.topics().iter().find(|one| one.name() == topic && one.error().is_none());
            let partitions = topic.map(|topic| topic.partitions()).unwrap_or_default();
            let led = partitions.iter().all(|one| one.leader() >= 0 && one.error().is_none());
            Ok::<_, KafkaError>((led && !partitions.is_empty()).then_some(partitions.len()))
        });
        match counted.await {
            Ok(Err(error)) if error.rdkafka_error_code().is_some_and(is_passing) => Ok(None),
            Ok(counted) => counted.map_err(Error::during("asking for the topic's partitions")),
            Err(cause) => Err(Error::Task { attempt: "asking for the topic's partitions", cause }),
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

fn value<'a>(config: &'a ConfigResource, name: &str) -> Option<&'a str> {
    config.get(name)?.value.as_deref()
}

fn timestamp_type(config: &ConfigResource) -> TimestampType {
    match value(config, "message.timestamp.type") {
        Some("LogAppendTime") => TimestampType::LogAppendTime,
        Some("CreateTime") => TimestampType::CreateTime,
        _ => TimestampType::Unknown,
    }
}

fn warnings(topic: &str, config: &ConfigResource) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |problem: String, setting: &str| {
        warnings.push(format!(
            "topic {topic}: {problem}; kafka-configs.sh --alter --entity-type topics --entity-name {topic} \
             --add-config {setting}"
        ));
    };
    if timestamp_type(config) == TimestampType::CreateTime {
        let problem = "records carry the times of their producers' clocks (message.timestamp.type=CreateTime), so \
                       log order and as-of times are only as good as those clocks";
        warn(problem.into(), "message.timestamp.type=LogAppendTime");
    }
    if value(config, "cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        let problem = "it is compacted, so all events of a key but the last one will be lost";
        warn(problem.into(), "cleanup.policy=delete");
    }
    for name in ["retention.ms", "retention.bytes"] {
        if let Some(limit) = value(config, name).filter(|limit| *limit != "-1") {
            let problem = format!(
                "{name}={limit} deletes older events, and without them no rebuild from offset 0 is possible"
            );
            warn(problem, &format!("{name}=-1"));
        }
    }
    warnings
}
