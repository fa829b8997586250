//! What operators decide about dead letters.
//!
//! The dead letters of these tests are records over the consumers' size limit. The API that retries them has
//! a larger limit, as if the cause had been mended.

mod builds;
mod command_line;
mod retry;

use std::collections::BTreeMap;

use end_to_end::harness::{Api, GIVE_UP_AFTER, NewRecord, Stage, raw};
use serde_json::Value;
use tokio_postgres::Client;

/// MAX_RECORD_BYTES of the consumers and rebuilds.
const LIMIT: &str = "200";
/// MAX_RECORD_BYTES of the API.
const LARGER_LIMIT: usize = 1_000_000;

/// An event with a note of so many bytes, which makes it too large for the consumers.
fn large(order_id: &str, event: &str, sequence: u32, bytes: usize) -> NewRecord {
    let note = "x".repeat(bytes);
    record(format!(r#"{{"event":"{event}","order_id":"{order_id}","sequence":{sequence},"note":"{note}"}}"#))
}

fn small(order_id: &str, event: &str) -> NewRecord {
    record(format!(r#"{{"event":"{event}","order_id":"{order_id}"}}"#))
}

fn record(value: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord { partition: Some(0), headers: vec![("schema-version", "1")], ..raw(value.into()) }
}

async fn catch_up(stage: &Stage) {
    stage
        .program("consumer")
        .env("MAX_RECORD_BYTES", LIMIT)
        .args("--until-caught-up")
        .succeed(GIVE_UP_AFTER)
        .await;
}

async fn rebuild(stage: &Stage) {
    stage.program("replay-rebuild").env("MAX_RECORD_BYTES", LIMIT).succeed(5 * GIVE_UP_AFTER).await;
}

async fn check(stage: &Stage) {
    stage.check_at(LIMIT.parse().unwrap()).await;
}

/// All columns of the orders by id, without the three that only writers read: an upsert appends to `winners`, and so
/// its entries may come in another order.
async fn orders(sql: &Client, build: i64) -> BTreeMap<String, Value> {
    let select = format!(
        "SELECT order_id, to_jsonb(o) - '{{first_sequence,winners,status_before}}'::text[] FROM build_{build}.orders o"
    );
    let rows = sql.query(&select, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The offset, state and decision of each dead letter of a build.
async fn dead_letters(sql: &Client, build: i64) -> Vec<(i64, String, Option<i64>)> {
    let select = format!("SELECT \"offset\", state, decision FROM build_{build}.dead_letters ORDER BY 1");
    sql.query(&select, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn count(sql: &Client, from: &str) -> i64 {
    sql.query_one(&format!("SELECT count(*) FROM {from}"), &[]).await.unwrap().get(0)
}

async fn retry(api: &Api, id: &str) -> Value {
    api.post(&format!("/dead-letters/{id}/retry"), "").await.ok().json()
}
