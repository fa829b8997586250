//! Row by row: two prepared statements per event, each awaited, and a commit after a fixed number of events.

use std::time::Duration;

use event_log::KafkaSettings;
use rdkafka::consumer::CommitMode;
use service::Failure;

use super::event::COLUMNS;
use super::source::Source;
use super::{Limit, connect, upsert};

/// How long the next event may take before the open transaction is committed.
const EVENT_WAIT_LIMIT: Duration = Duration::from_millis(500);

pub async fn run(
    kafka: &KafkaSettings,
    group: &str,
    limit: &Limit,
    database_url: &str,
    per_commit: u64,
) -> Result<(u64, u64), Failure> {
    let client = connect(database_url).await?;
    let history = client
        .prepare(&format!(
            "/* bench::rows */ INSERT INTO baseline.order_history ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT DO NOTHING"
        ))
        .await?;
    let order = client.prepare(&upsert(include_str!("upsert_row.sql"))).await?;
    let mut source = Source::join(kafka, group)?;
    let mut events = 0;
    while !limit.is_reached(events) {
        let mut open = 0;
        while open < per_commit && events + open < limit.events {
            let Some(event) = source.next(EVENT_WAIT_LIMIT)? else { break };
            if open == 0 {
                client.batch_execute("BEGIN").await?;
            }
            client.execute(&history, &event.columns()).await?;
            client.execute(&order, &event.order_columns()).await?;
            open += 1;
        }
        if open > 0 {
            client.batch_execute("COMMIT").await?;
            source.commit(CommitMode::Async)?;
            events += open;
        }
    }
    Ok((events, source.bytes))
}
