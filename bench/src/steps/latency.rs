//! The time from the producer's send to the row being visible, at a steady rate.

mod programs;
mod reader;
mod sender;

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, TopicSpec, ensure_topic};
use service::{Exit, Failure};

use super::Bench;
use crate::backlog::delete_topic;
use crate::context::say;
use crate::latency::Latency;
use crate::measurement::Measurement;
use crate::server::FreshDatabase;

use programs::{start_load, start_subject};
use reader::Reader;
use sender::Sender;

/// The rate of the measured events, which is that of a system in everyday use.
const EVENTS_PER_SECOND: u64 = 500;
/// Events of the first seconds are not counted: caches are empty, and the broker's code is not compiled yet.
const WARM_UP_SECONDS: u64 = 5;
/// An event whose row is not visible after this time counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(120);

/// Which program is measured, and at what rate.
#[derive(Clone, Copy)]
pub enum Subject {
    Consumer,
    /// The consumer, while the producer writes at half the rate of a drain.
    HalfDrain,
    RowsPerEvent,
}

pub async fn latency(
    bench: &Bench<'_>,
    fresh: &FreshDatabase,
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
    fresh: &FreshDatabase,
    kafka: &KafkaSettings,
    subject: Subject,
    repetition: u32,
) -> Result<Measurement, Failure> {
    let (name, compared_with, orders) = match subject {
        Subject::Consumer => ("latency-500", Some("latency-500-rows-1"), "public.orders"),
        Subject::RowsPerEvent => ("latency-500-rows-1", None, "baseline.orders"),
        Subject::HalfDrain => ("latency-half-drain", None, "public.orders"),
    };
    let seconds = bench.context.options.sample_seconds;
    let _program = start_subject(bench, fresh, kafka, subject)?;
    let mut reader = Reader::connect(fresh, orders).await?;
    let mut sender = Sender::new(kafka)?;
    // Once an event is visible, the program has joined its group.
    let began = Instant::now();
    loop {
        let id = sender.send()?;
        if reader.sees_within(&id, Duration::from_millis(200)).await? {
            break;
        }
        if began.elapsed() > LOST_AFTER {
            return Err(Failure::new(
                Exit::Unexpected,
                format!("{name}: no event became visible within {} s", LOST_AFTER.as_secs()),
            ));
        }
    }
    let _load = match subject {
        Subject::HalfDrain => Some(start_load(bench, kafka)?),
        Subject::Consumer | Subject::RowsPerEvent => None,
    };
    let events = EVENTS_PER_SECOND * seconds;
    let (probes, expected) = channel();
    let sending = thread::spawn(move || {
        let (uncounted, _) = channel();
        sender.send_steadily(EVENTS_PER_SECOND * WARM_UP_SECONDS, &uncounted)?;
        sender.send_steadily(events, &probes)
    });
    let samples = reader.watch(&expected).await?;
    let sent_in = sending.join().map_err(|_| Failure::new(Exit::Unexpected, "the sender panicked"))??;
    if sent_in > Duration::from_secs(seconds).mul_f64(1.05) {
        say!("{name}: the rate was not kept, sending took {sent_in:.1?} instead of {seconds} s");
    }
    Ok(Measurement {
        latency_ms: Latency::of(samples),
        compared_with,
        ..Measurement::timed(name, repetition, events, sent_in.as_secs_f64())
    })
}
