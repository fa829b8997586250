//! Sends the events whose latencies are measured.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use event_log::KafkaSettings;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use service::Failure;

use super::{EVENTS_PER_SECOND, LOST_AFTER};

const LINGER_MILLIS: &str = "1";

/// An event that was sent, by its order's id, and when.
pub type Probe = (String, Instant);

/// Sends the first events of new orders, one after the other.
pub struct Sender {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    sent: u64,
}

impl Sender {
    pub fn new(kafka: &KafkaSettings) -> Result<Self, Failure> {
        let producer = kafka.client_config("bench-latency").set("linger.ms", LINGER_MILLIS).create()?;
        Ok(Self { producer, topic: kafka.topic.clone(), sent: 0 })
    }

    /// Sends one event, and returns its order's id.
    pub fn send(&mut self) -> Result<String, Failure> {
        let id = format!("LATENCY-{:09}", self.sent);
        self.sent += 1;
        let event = format!(
            r#"{{"event":"OrderCreated","order_id":"{id}","status":"pending","sequence":1,"event_id":"{id}-1","occurred_at":"2026-11-21T12:00:00Z","customer_id":"CUST-0001","currency":"EUR","total_cents":1900,"items":[{{"name":"Pizza","quantity":2,"unit_price_cents":950}}]}}"#
        );
        let record = BaseRecord::to(&self.topic).key(&id).payload(&event);
        self.producer.send(record).map_err(|(error, _)| error)?;
        Ok(id)
    }

    /// Sends events at the steady rate and passes each one on. Returns how long that took.
    pub fn send_steadily(&mut self, events: u64, probes: &mpsc::Sender<Probe>) -> Result<Duration, Failure> {
        let began = Instant::now();
        let mut sent = 0;
        while sent < events {
            let due = ((began.elapsed().as_secs_f64() * EVENTS_PER_SECOND as f64) as u64 + 1).min(events);
            while sent < due {
                let now = Instant::now();
                let id = self.send()?;
                // A closed channel means that the reader has failed, or that these events are not measured.
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
