//! The events that all steps read. The real producer writes them, once.

use std::time::Duration;

use event_log::{KafkaSettings, LogClient, OffsetRanges, TopicSpec, ensure_topic};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde::Serialize;
use service::{Exit, Failure};
use tokio::process::Command;

use crate::child;
use crate::context::{Context, say};

pub const EVENTS_PER_ORDER: u64 = 4;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Every run has the same orders.
const SEED: &str = "1";

/// What the topic contains.
#[derive(Clone, Debug, Serialize)]
pub struct Backlog {
    pub events: u64,
    pub orders: u64,
    pub partitions: usize,
    /// The size of all values. `None` until the topic was read once.
    pub value_bytes: Option<u64>,
    pub produced_in_seconds: f64,
}

impl Backlog {
    pub async fn produce(context: &Context<'_>) -> Result<Self, Failure> {
        let orders = context.options.events.div_ceil(EVENTS_PER_ORDER);
        say!("producing {} events ...", orders * EVENTS_PER_ORDER);
        let spec = TopicSpec { partitions: context.options.partitions, ..TopicSpec::default() };
        ensure_topic(&context.kafka, &spec).await?;
        let mut command = Command::new(context.program("producer"));
        command
            .args(["--rate", "0", "--cancel-share", "0", "--seed", SEED])
            .args(["--orders", &orders.to_string()])
            .args(["--in-flight", &context.options.in_flight.to_string()])
            .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
            .env("KAFKA_TOPIC", &context.kafka.topic)
            .env("LOG_LEVEL", "warn");
        let ended = child::start("producer", command)?.ended().await?;
        let ends = ends(&context.kafka).await?;
        let events: i64 = ends.values().map(|marks| marks.end_offset.0 - marks.low_watermark.0).sum();
        if events as u64 != orders * EVENTS_PER_ORDER {
            let message =
                format!("the topic contains {events} events instead of {}", orders * EVENTS_PER_ORDER);
            return Err(Failure::new(Exit::Difference, message));
        }
        Ok(Self {
            events: events as u64,
            orders,
            partitions: ends.len(),
            value_bytes: None,
            produced_in_seconds: ended.wall.as_secs_f64(),
        })
    }
}

async fn ends(kafka: &KafkaSettings) -> Result<OffsetRanges, Failure> {
    let kafka = kafka.clone();
    Ok(tokio::task::spawn_blocking(move || LogClient::new(&kafka)?.offset_ranges(TIMEOUT)).await??)
}

/// The topic would otherwise stay on servers that outlive this run.
pub async fn delete_topic(kafka: &KafkaSettings) -> Result<(), Failure> {
    let client: AdminClient<DefaultClientContext> = kafka.client_config("bench").create()?;
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
    client.delete_topics(&[&kafka.topic], &options).await?;
    Ok(())
}
