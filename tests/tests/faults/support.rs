//! What several fault tests do.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Program, Stage, eventually, raw};
use tokio_postgres::Client;

/// Exit code of a consumer that found a gap or another log.
pub const LOG_IDENTITY: i32 = 3;

/// OrderCreated of each order `O-n`, in partition n modulo `partitions`.
pub fn events(orders: Range<u32>, partitions: u32) -> Vec<NewRecord> {
    events_named("OrderCreated", orders, partitions)
}

/// The same, with another event.
pub fn events_named(name: &str, orders: Range<u32>, partitions: u32) -> Vec<NewRecord> {
    let event = |order: u32| NewRecord {
        partition: Some((order % partitions).cast_signed()),
        ..raw(format!(r#"{{"event":"{name}","order_id":"O-{order}"}}"#))
    };
    orders.map(event).collect()
}

/// Waits until everything that is in the log now is applied.
pub async fn wait_until_all_applied(stage: &Stage) {
    let ends = stage.ends().await;
    let sql = stage.sql().await;
    eventually("all records are applied", 2 * GIVE_UP_AFTER, async || {
        let positions = stage.positions(&sql).await;
        let reached = |partition| positions.get(partition).copied().unwrap_or(0);
        ends.iter().all(|(partition, end)| reached(partition) >= *end).then_some(())
    })
    .await;
}

/// Waits until the sum of all positions is at least this.
pub async fn wait_until_applied(stage: &Stage, sql: &Client, at_least: i64) {
    eventually(&format!("{at_least} offsets are applied"), 2 * GIVE_UP_AFTER, async || {
        (stage.positions(sql).await.values().sum::<i64>() >= at_least).then_some(())
    })
    .await;
}

pub async fn count_dead_letters(sql: &Client) -> i64 {
    sql.query_one("SELECT count(*) FROM public.dead_letters", &[]).await.unwrap().get(0)
}

/// Starts a consumer, and waits until it owns all partitions.
pub async fn idle_consumer(stage: &Stage) -> Program {
    let sql = stage.sql().await;
    // The positions name an owner that has ended until another one claims them.
    let before = owners(&sql).await;
    let mut consumer = stage.consumer();
    consumer.wait_for_log("assigned", GIVE_UP_AFTER).await;
    eventually("the earlier owners have no partitions", GIVE_UP_AFTER, async || {
        owners(&sql).await.is_disjoint(&before).then_some(())
    })
    .await;
    wait_for_owners(stage, 1).await;
    consumer
}

/// None as long as no consumer has made the tables.
async fn owners(sql: &Client) -> BTreeSet<String> {
    let rows = sql.query("SELECT owner FROM public.positions WHERE owner IS NOT NULL", &[]).await;
    rows.unwrap_or_default().iter().map(|row| row.get(0)).collect()
}

/// Waits until every partition has an owner, and there are this many of them.
pub async fn wait_for_owners(stage: &Stage, owners: i64) {
    let sql = stage.sql().await;
    let partitions = eventually("the topic exists", GIVE_UP_AFTER, async || {
        let ends = stage.ends().await;
        (!ends.is_empty()).then_some(ends.len() as i64)
    })
    .await;
    let query = "SELECT count(DISTINCT owner), count(owner) FROM public.positions";
    eventually(&format!("{partitions} partitions have {owners} owners"), 2 * GIVE_UP_AFTER, async || {
        let row = sql.query_one(query, &[]).await.ok()?;
        ((row.get::<_, i64>(0), row.get::<_, i64>(1)) == (owners, partitions)).then_some(())
    })
    .await;
}

/// A lock that every batch of every consumer waits for, in its transaction and with its position rows locked.
pub struct Blocker(Client);

impl Blocker {
    pub async fn new(stage: &Stage) -> Self {
        let sql = stage.sql().await;
        sql.batch_execute("BEGIN; LOCK TABLE build_1.order_history IN SHARE MODE").await.unwrap();
        Self(sql)
    }

    pub async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Waits until at least this many sessions of lanes meet a condition on `pg_stat_activity`.
pub async fn wait_for_lanes(sql: &Client, at_least: i64, condition: &str) {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'food-orders lane' AND {condition}"
    );
    eventually(&format!("{at_least} lanes are in the state {condition}"), GIVE_UP_AFTER, async || {
        (sql.query_one(&query, &[]).await.unwrap().get::<_, i64>(0) >= at_least).then_some(())
    })
    .await;
}

pub const WAITS_FOR_A_LOCK: &str = "wait_event_type = 'Lock'";
pub const WAITS_FOR_ITS_CLIENT: &str =
    "state = 'active' AND wait_event = 'ClientRead' AND query LIKE '%COPY%'";

/// Lets time pass where nothing can be waited for, because the fault is one of duration or the test shows
/// that nothing changes.
pub async fn hold_for(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until the probe `/health/ready` at this address answers that the process is ready, or is not, and
/// returns its body.
pub async fn wait_for_readiness(address: &str, ready: bool, limit: Duration) -> String {
    wait_for_answer(address, ready, "", limit).await
}

/// Waits until it answers that the process is not ready, for a reason that contains this text. Another reason may come
/// first.
pub async fn wait_for_reason(address: &str, text: &str, limit: Duration) {
    wait_for_answer(address, false, text, limit).await;
}

async fn wait_for_answer(address: &str, ready: bool, text: &str, limit: Duration) -> String {
    let url = format!("http://{address}/health/ready");
    eventually(&format!("{url} answers ready = {ready} and {text:?}"), limit, async || {
        let answer = reqwest::get(&url).await.ok()?;
        let is_ready = answer.status().is_success();
        let body = answer.text().await.ok()?;
        (is_ready == ready && body.contains(text)).then_some(body)
    })
    .await
}

/// Starts a producer that writes until it is stopped.
pub fn steady_producer(stage: &Stage) -> Program {
    stage.program("producer").args("--rate 2000 --time-compression 2000 --cancel-share 0.2").start()
}
