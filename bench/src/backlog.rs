//! The events that all steps read. They are written once.

use std::time::{Duration, Instant};

use event_log::{KafkaSettings, LogClient, OffsetRanges, TopicSpec, ensure_topic};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde::Serialize;
use service::{Exit, Failure};
use tokio::process::Command;

use crate::child;
use crate::context::{Context, say};
use crate::shape::{Plan, Shape, Writer};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Every run of the producer makes the same orders.
const SEED: &str = "1";

/// What the topic contains.
#[derive(Clone, Debug, Serialize)]
pub struct Backlog {
    pub shape: Shape,
    pub events: u64,
    pub orders: u64,
    pub partitions: usize,
    /// The size of all values. `None` until the topic was read once.
    pub value_bytes: Option<u64>,
    pub produced_in_seconds: f64,
}

impl Backlog {
    pub async fn produce(context: &Context<'_>) -> Result<Self, Failure> {
        let shape = context.options.shape;
        let Plan { orders, events_per_order, writer } =
            shape.plan(context.options.events, context.options.in_flight);
        let events = orders * events_per_order;
        say!("producing {events} events of shape {} ...", shape.name());
        let spec = TopicSpec { partitions: context.options.partitions, ..TopicSpec::default() };
        ensure_topic(&context.kafka, &spec).await?;
        let began = Instant::now();
        match writer {
            Writer::Producer(arguments) => run_producer(context, orders, arguments).await?,
            Writer::Bench(lives) => {
                let kafka = context.kafka.clone();
                tokio::task::spawn_blocking(move || lives.write(&kafka)).await??;
            }
        }
        let produced_in_seconds = began.elapsed().as_secs_f64();
        let ends = ends(&context.kafka).await?;
        let found: i64 = ends.values().map(|marks| marks.end_offset.0 - marks.low_watermark.0).sum();
        if found as u64 != events {
            let message = format!("the topic contains {found} events instead of {events}");
            return Err(Failure::new(Exit::Difference, message));
        }
        let partitions = ends.len();
        Ok(Self { shape, events, orders, partitions, value_bytes: None, produced_in_seconds })
    }
}

async fn run_producer(context: &Context<'_>, orders: u64, arguments: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new(context.program("producer"));
    command
        .args(["--rate", "0", "--cancel-share", "0", "--seed", SEED])
        .args(["--orders", &orders.to_string()])
        .args(["--in-flight", &context.options.in_flight.to_string()])
        .args(arguments)
        .env("KAFKA_BOOTSTRAP_SERVERS", &context.kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &context.kafka.topic)
        .env("LOG_LEVEL", "warn");
    child::start("producer", command)?.ended().await?;
    Ok(())
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
