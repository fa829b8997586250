//! From the producer's send to the row that a reader sees, at a steady rate.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, TopicSpec, ensure_topic};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use secrecy::ExposeSecret;
use service::{Exit, Failure};
use tokio::process::Command;
use tokio_postgres::{Client, Statement};

use super::Bench;
use crate::args::Step;
use crate::backlog::{EVENTS_PER_ORDER, delete_topic};
use crate::child::{self, Running};
use crate::context::say;
use crate::latency::Latency;
use crate::measurement::Measurement;
use crate::server::Fresh;

/// That are looked for: a system in everyday use.
const EVENTS_PER_SECOND: u64 = 500;
/// How often the reader looks: an error of the measured time.
const LOOK_EACH: Duration = Duration::from_millis(1);
/// Not counted: caches, and the broker's compiler.
const WARM_UP_SECONDS: u64 = 5;
const LOST_AFTER: Duration = Duration::from_secs(120);
/// From an order's first event to its last, in the producer's orders, before time is compressed.
const LIFE_SECONDS: f64 = 2590.0;
const LINGER_MILLIS: &str = "1";

/// Which program is measured, and at what rate.
#[derive(Clone, Copy)]
pub enum Subject {
    Consumer,
    /// The consumer at half of the rate at which it drains.
    HalfDrain,
    RowsPerEvent,
}

pub async fn latency(
    bench: &Bench<'_>,
    fresh: &Fresh,
    subject: Subject,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let kafka =
        KafkaSettings::new(&bench.context.kafka.bootstrap_servers, &format!("{}-latency", fresh.name));
    ensure_topic(&kafka, &TopicSpec::default()).await?;
    let measured = on_topic(bench, fresh, &kafka, subject, repetition).await;
    delete_topic(&kafka).await?;
    measured
}

async fn on_topic(
    bench: &Bench<'_>,
    fresh: &Fresh,
    kafka: &KafkaSettings,
    subject: Subject,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let (name, compared_with) = match subject {
        Subject::Consumer => ("latency-500", Some("latency-500-rows-1")),
        Subject::RowsPerEvent => ("latency-500-rows-1", None),
        Subject::HalfDrain => ("latency-half-drain", None),
    };
    let seconds = bench.context.options.sample_seconds;
    let _program = program(bench, fresh, kafka, subject)?;
    let mut reader = Reader::connect(fresh).await?;
    let producer: ThreadedProducer<DefaultProducerContext> =
        kafka.client_config("bench-latency").set("linger.ms", LINGER_MILLIS).create()?;
    // Until the first event is there: the program has joined its group.
    let mut sender = Sender { producer, topic: kafka.topic.clone(), sent: 0 };
    let began = Instant::now();
    loop {
        let id = sender.send()?;
        if reader.sees_within(&id, Duration::from_millis(200)).await? {
            break;
        }
        if began.elapsed() > LOST_AFTER {
            return Err(Failure::new(Exit::Unexpected, format!("{name}: nothing arrives")));
        }
    }
    let _load = match subject {
        Subject::HalfDrain => Some(load(bench, kafka)?),
        Subject::Consumer | Subject::RowsPerEvent => None,
    };
    let events = EVENTS_PER_SECOND * seconds;
    let (probes, looked_for) = channel();
    let sending = thread::spawn(move || {
        let (unheard, _) = channel();
        sender.steadily(EVENTS_PER_SECOND * WARM_UP_SECONDS, &unheard)?;
        sender.steadily(events, &probes)
    });
    let samples = reader.watch(&looked_for).await?;
    let sent_in = sending.join().map_err(|_| Failure::new(Exit::Unexpected, "the sender panicked"))??;
    if sent_in > Duration::from_secs(seconds).mul_f64(1.05) {
        say!("{name}: sending took {sent_in:.1?} instead of {seconds} s: the rate was not held");
    }
    Ok(Measurement {
        latency_ms: Latency::of(samples),
        compared_with,
        ..Measurement::timed(name, repetition, events, sent_in.as_secs_f64())
    })
}

fn program(
    bench: &Bench<'_>,
    fresh: &Fresh,
    kafka: &KafkaSettings,
    subject: Subject,
) -> Result<Running, Failure> {
    let mut command = match subject {
        Subject::Consumer | Subject::HalfDrain => {
            let mut command = Command::new(bench.context.program("consumer"));
            command.args(&bench.context.options.consumer_arg);
            command
        }
        Subject::RowsPerEvent => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["baseline", &Step::RowsPerEvent.name(), "--events", &u64::MAX.to_string()]);
            command
        }
    };
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &kafka.topic)
        .env("KAFKA_GROUP_ID", &fresh.name)
        .env("DATABASE_URL", fresh.url.expose_secret())
        .env("LOG_LEVEL", "warn");
    child::start("latency", command)
}

/// The producer, at half of the rate of a drain, for as long as is measured: where the machine cannot keep up, what
/// is left over is worked off afterwards.
fn load(bench: &Bench<'_>, kafka: &KafkaSettings) -> Result<Running, Failure> {
    let rate = bench.drain_rate.unwrap_or_default() / 2.0 - EVENTS_PER_SECOND as f64;
    let seconds = WARM_UP_SECONDS + bench.context.options.sample_seconds;
    let rate = rate.max(1.0);
    let orders = (rate as u64 * seconds).div_ceil(EVENTS_PER_ORDER);
    // As many orders under way as in the backlog.
    let placed_per_second = rate / EVENTS_PER_ORDER as f64;
    let time_compression = placed_per_second * LIFE_SECONDS / bench.context.options.in_flight as f64;
    let mut command = Command::new(bench.context.program("producer"));
    command
        .args(["--cancel-share", "0", "--rate", &rate.to_string(), "--orders", &orders.to_string()])
        .args(["--time-compression", &time_compression.to_string()])
        .env("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers)
        .env("KAFKA_TOPIC", &kafka.topic)
        .env("LOG_LEVEL", "warn");
    child::start("producer", command)
}

/// Events of new orders, one after the other.
struct Sender {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    sent: u64,
}

impl Sender {
    /// Returns the order's id.
    fn send(&mut self) -> Result<String, Failure> {
        let id = format!("LATENCY-{:09}", self.sent);
        self.sent += 1;
        let event = format!(
            r#"{{"event":"OrderCreated","order_id":"{id}","status":"pending","sequence":1,"event_id":"{id}-1","occurred_at":"2026-11-21T12:00:00Z","customer_id":"CUST-0001","currency":"EUR","total_cents":1900,"items":[{{"name":"Pizza","quantity":2,"unit_price_cents":950}}]}}"#
        );
        let record = BaseRecord::to(&self.topic).key(&id).payload(&event);
        self.producer.send(record).map_err(|(error, _)| error)?;
        Ok(id)
    }

    /// Sends at the rate and names each event, with its time. Tells how long it took.
    fn steadily(
        &mut self,
        events: u64,
        probes: &mpsc::Sender<(String, Instant)>,
    ) -> Result<Duration, Failure> {
        let began = Instant::now();
        let mut sent = 0;
        while sent < events {
            let due = ((began.elapsed().as_secs_f64() * EVENTS_PER_SECOND as f64) as u64 + 1).min(events);
            while sent < due {
                let now = Instant::now();
                let id = self.send()?;
                // Nobody looks any more: then nobody needs it.
                let _ = probes.send((id, now));
                sent += 1;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let took = began.elapsed();
        self.producer.flush(LOST_AFTER)?;
        Ok(took)
    }
}

/// Looks for rows, as a user of the tables would see them.
struct Reader {
    client: Client,
    seen: Statement,
}

impl Reader {
    async fn connect(fresh: &Fresh) -> Result<Self, Failure> {
        let client = fresh.sql().await?;
        let seen = client
            .prepare(
                "/* bench::latency */ SELECT order_id FROM public.orders WHERE order_id = ANY($1::text[])",
            )
            .await?;
        Ok(Self { client, seen })
    }

    async fn sees_within(&mut self, id: &str, limit: Duration) -> Result<bool, Failure> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if !self.client.query(&self.seen, &[&[id].as_slice()]).await?.is_empty() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(false)
    }

    /// How long each took, until the sender is done and all are there.
    async fn watch(&mut self, probes: &Receiver<(String, Instant)>) -> Result<Vec<Duration>, Failure> {
        let mut waiting: VecDeque<(String, Instant)> = VecDeque::new();
        let mut samples = Vec::new();
        let mut is_open = true;
        while is_open || !waiting.is_empty() {
            loop {
                match probes.try_recv() {
                    Ok(probe) => waiting.push_back(probe),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        is_open = false;
                        break;
                    }
                }
            }
            if let Some((id, sent)) = waiting.front()
                && sent.elapsed() > LOST_AFTER
            {
                return Err(Failure::new(Exit::Difference, format!("{id} did not arrive")));
            }
            let ids: Vec<&str> = waiting.iter().take(64).map(|(id, _)| id.as_str()).collect();
            if !ids.is_empty() {
                let rows = self.client.query(&self.seen, &[&ids]).await?;
                let now = Instant::now();
                let seen: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
                waiting.retain(|(id, sent)| {
                    let is_there = seen.contains(&id.as_str());
                    if is_there {
                        samples.push(now - *sent);
                    }
                    !is_there
                });
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
        Ok(samples)
    }
}
