//! What the real consumer is compared with: consumers as they are usually written, and plain reading. The
//! steps start them as programs of their own.
//!
//! They write the same columns, but into tables of their own with text and jsonb, in schema `baseline` of the
//! step's database. None of them fences a stale owner or handles a bad record, and they know their position only
//! from the group offsets in Kafka. A record that arrives late or twice is handled by comparing sequences.

mod copy_upsert;
mod event;
mod read;
mod rows;
mod source;

use std::io::Write;
use std::time::{Duration, Instant};

use event_log::KafkaSettings;
use local_stack::sql_client;
use service::{Exit, Failure};
use tokio_postgres::Client;

use crate::args::{Baseline, Step};

/// Makes their tables.
pub const TABLES: &str = include_str!("baselines/tables.sql");
/// Printed when the partitions are assigned.
pub const BEGIN: &str = "begin";
/// Printed after the last commit, with the number of events and the bytes of their values.
pub const END: &str = "end";

pub async fn run(baseline: Baseline) -> Result<(), Failure> {
    let kafka = KafkaSettings::new(&baseline.kafka_bootstrap_servers, &baseline.kafka_topic);
    let limit = Limit {
        events: baseline.events,
        deadline: baseline.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
    };
    let group = &baseline.kafka_group_id;
    let (events, bytes) = match baseline.step {
        Step::Read => read::run(&kafka, &limit)?,
        Step::CopyUpsert => copy_upsert::run(&kafka, group, &limit, &baseline.database_url).await?,
        Step::RowsPerThousand => rows::run(&kafka, group, &limit, &baseline.database_url, 1000).await?,
        Step::RowsPerEvent => rows::run(&kafka, group, &limit, &baseline.database_url, 1).await?,
        _ => return Err(Failure::new(Exit::Usage, "this step is not a baseline")),
    };
    print(&format!("{END} {events} {bytes}"));
    Ok(())
}

/// When a baseline is done.
pub struct Limit {
    pub events: u64,
    pub deadline: Option<Instant>,
}

impl Limit {
    pub fn is_reached(&self, events: u64) -> bool {
        events >= self.events || self.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }
}

/// Completes an upsert of orders: all baselines merge a row into an existing order alike.
fn upsert(insert: &str) -> String {
    [insert, include_str!("baselines/merge_order.sql")].concat()
}

/// Prints a line for the program that measures this one.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // An error means that the measuring program has ended, so that the line is of no use.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A session like the real consumer's.
async fn connect(url: &str) -> Result<Client, Failure> {
    let client = sql_client(url, None).await.map_err(Failure::with(Exit::Usage))?;
    client.batch_execute("/* bench::connect */ SET synchronous_commit = off").await?;
    Ok(client)
}
