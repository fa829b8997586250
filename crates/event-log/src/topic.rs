//! The topic: made explicitly, and checked where it is there already.

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

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// For the broker to answer at all, and for the partitions to have leaders.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

/// What a topic that has to be made is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub partitions: i32,
    /// `None`: the broker's `default.replication.factor`.
    pub replication: Option<i32>,
    /// Milliseconds until records are deleted; −1 is never.
    pub retention_ms: i64,
}

impl Default for TopicSpec {
    fn default() -> Self {
        Self { partitions: 6, replication: None, retention_ms: -1 }
    }
}

/// Who stamps a record's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The broker, when it appends: times of a partition follow its offsets.
    LogAppendTime,
    /// The producer, with whatever it likes.
    CreateTime,
    /// The broker does not tell.
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

/// The topic as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    pub partitions: usize,
    pub timestamp_type: TimestampType,
    /// By this call.
    pub created: bool,
    /// Settings under which this system promises less, each with the way out.
    pub warnings: Vec<String>,
}

/// Makes the topic unless it is there, waits until it can be written and read, and says what it is
/// like. Several processes may do so at once.
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

/// What [`ensure_topic`] would warn of, without making the topic. `None`: the broker does not
/// tell, or there is no such topic.
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

    /// Whether this call made the topic.
    async fn create(&self, spec: &TopicSpec) -> Result<bool> {
        let retention = spec.retention_ms.to_string();
        let replication = TopicReplication::Fixed(spec.replication.unwrap_or(-1));
        let topic = NewTopic::new(&self.settings.topic, spec.partitions, replication)
            .set("retention.ms", &retention)
            .set("message.timestamp.type", "LogAppendTime");
        let deadline = Instant::now() + GIVE_UP_AFTER;
        loop {
            // An error of the whole request is one of the connection.
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

    /// Who may not create topics can still use one that is there.
    async fn not_created(&self, code: RDKafkaErrorCode) -> Result<bool> {
        if self.partitions_with_leaders().await?.is_some() {
            return Ok(false);
        }
        Err(Error::TopicNotCreated { topic: self.settings.topic.clone(), code })
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

    /// How many partitions the topic has, once each has a leader.
    async fn partitions_with_leaders(&self) -> Result<Option<usize>> {
        let (client, topic) = (Arc::clone(&self.client), self.settings.topic.clone());
        // librdkafka answers this question only to a thread that waits.
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

    /// `None` where the broker does not tell us: that is no reason to stop.
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
        let problem = "records carry their producers' clocks (message.timestamp.type=CreateTime), so log order \
                       and as-of times are only as good as those";
        warn(problem.into(), "message.timestamp.type=LogAppendTime");
    }
    if value(config, "cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        let problem = "it is compacted: all but the last event of a key will be lost";
        warn(problem.into(), "cleanup.policy=delete");
    }
    for name in ["retention.ms", "retention.bytes"] {
        if let Some(limit) = value(config, name).filter(|limit| *limit != "-1") {
            let problem = format!("{name}={limit}: older events go, and with them a rebuild from offset 0");
            warn(problem, &format!("{name}=-1"));
        }
    }
    warnings
}
