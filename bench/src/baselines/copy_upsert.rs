//! Batches of 5000: COPY into a staging table, one INSERT ... SELECT for the history and one upsert for the
//! orders, then a commit of the group offsets. There is one connection; reading, writing and waiting take
//! turns, except that librdkafka fetches ahead.

use std::pin::pin;
use std::time::Duration;

use event_log::KafkaSettings;
use rdkafka::consumer::CommitMode;
use service::Failure;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use super::event::{COLUMNS, Event};
use super::source::Source;
use super::{Limit, connect, upsert};

const BATCH: usize = 5000;
/// How long the next event may take before an incomplete batch is written.
const EVENT_WAIT_LIMIT: Duration = Duration::from_millis(100);
/// The types of [`COLUMNS`].
const TYPES: [Type; 11] = [
    Type::INT4,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::JSONB,
    Type::TEXT,
];

pub async fn run(
    kafka: &KafkaSettings,
    group: &str,
    limit: &Limit,
    database_url: &str,
) -> Result<(u64, u64), Failure> {
    let writer = Writer::new(connect(database_url).await?).await?;
    let mut source = Source::join(kafka, group)?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut events = 0;
    while !limit.is_reached(events) {
        while batch.len() < BATCH {
            match source.next(EVENT_WAIT_LIMIT)? {
                Some(event) => batch.push(event),
                None => break,
            }
        }
        if !batch.is_empty() {
            writer.write(&batch).await?;
            source.commit(CommitMode::Sync)?;
            events += batch.len() as u64;
            batch.clear();
        }
    }
    Ok((events, source.bytes))
}

struct Writer {
    client: Client,
    copy: Statement,
    history: Statement,
    upsert: Statement,
}

impl Writer {
    async fn new(client: Client) -> Result<Self, Failure> {
        client
            .batch_execute(&format!(
                "CREATE TEMPORARY TABLE staging ON COMMIT DELETE ROWS
                 AS SELECT {COLUMNS} FROM baseline.order_history WITH NO DATA"
            ))
            .await?;
        let insert = format!(
            "/* bench::copy_upsert */ INSERT INTO baseline.order_history ({COLUMNS}) SELECT {COLUMNS} FROM staging ON CONFLICT DO NOTHING"
        );
        Ok(Self {
            copy: client.prepare(&format!("COPY staging ({COLUMNS}) FROM STDIN (FORMAT binary)")).await?,
            history: client.prepare(&insert).await?,
            upsert: client.prepare(&upsert(include_str!("upsert_staging.sql"))).await?,
            client,
        })
    }

    async fn write(&self, batch: &[Event]) -> Result<(), Failure> {
        self.client.batch_execute("BEGIN").await?;
        let sink = self.client.copy_in(&self.copy).await?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, &TYPES));
        for event in batch {
            rows.as_mut().write(&event.columns()).await?;
        }
        rows.finish().await?;
        self.client.execute(&self.history, &[]).await?;
        self.client.execute(&self.upsert, &[]).await?;
        Ok(self.client.batch_execute("COMMIT").await?)
    }
}
