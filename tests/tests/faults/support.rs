//! What most fault tests do.

use std::time::Duration;

use end_to_end::harness::{PATIENCE, Program, Sent, Stage, eventually, raw};
use tokio_postgres::Client;

/// OrderCreated of order `O-n`, in partition n modulo `partitions`.
pub fn events(orders: std::ops::Range<u32>, partitions: u32) -> Vec<Sent> {
    let event = |order: u32| Sent {
        partition: Some((order % partitions).cast_signed()),
        ..raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}"}}"#))
    };
    orders.map(event).collect()
}

/// Waits until all that is in the log now is applied.
pub async fn all_applied(stage: &Stage) {
    let ends = stage.ends().await;
    let sql = stage.sql().await;
    eventually("all applied", 2 * PATIENCE, async || {
        let positions = stage.positions(&sql).await;
        let reached = |partition| positions.get(partition).copied().unwrap_or(0);
        ends.iter().all(|(partition, end)| reached(partition) >= *end).then_some(())
    })
    .await;
}

/// Waits until so many offsets are applied.
pub async fn applied(stage: &Stage, sql: &Client, at_least: i64) {
    eventually(&format!("{at_least} offsets applied"), 2 * PATIENCE, async || {
        (stage.positions(sql).await.values().sum::<i64>() >= at_least).then_some(())
    })
    .await;
}

pub async fn dead_letters(sql: &Client) -> i64 {
    sql.query_one("SELECT count(*) FROM public.dead_letters", &[]).await.unwrap().get(0)
}

/// A consumer with its partitions, idle.
pub async fn idle_consumer(stage: &Stage) -> Program {
    let consumer = stage.consumer();
    every_partition_has_an_owner(stage, 1).await;
    consumer
}

/// Waits until the partitions are shared out among so many processes.
pub async fn every_partition_has_an_owner(stage: &Stage, owners: i64) {
    let sql = stage.sql().await;
    let partitions = eventually("the topic", PATIENCE, async || {
        let ends = stage.ends().await;
        (!ends.is_empty()).then_some(ends.len() as i64)
    })
    .await;
    let query = "SELECT count(DISTINCT owner), count(owner) FROM public.positions";
    eventually(&format!("{owners} owners of {partitions} partitions"), 2 * PATIENCE, async || {
        let row = sql.query_one(query, &[]).await.ok()?;
        ((row.get::<_, i64>(0), row.get::<_, i64>(1)) == (owners, partitions)).then_some(())
    })
    .await;
}

/// A session of the test that keeps every batch of every consumer waiting, in its transaction, with the position rows locked.
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

/// Waits until so many sessions of lanes are in this state, a condition on `pg_stat_activity`.
pub async fn lanes_are(sql: &Client, at_least: i64, condition: &str) {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'food-orders lane' AND {condition}"
    );
    eventually(&format!("{at_least} lanes with {condition}"), PATIENCE, async || {
        (sql.query_one(&query, &[]).await.unwrap().get::<_, i64>(0) >= at_least).then_some(())
    })
    .await;
}

pub const WAITS_FOR_A_LOCK: &str = "wait_event_type = 'Lock'";
pub const WAITS_FOR_ITS_CLIENT: &str =
    "state = 'active' AND wait_event = 'ClientRead' AND query LIKE '%COPY%'";

/// For what has to last: the length of time is the fault.
pub async fn for_so_long(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until the probe /health/ready of a consumer says so, and gives back its body.
pub async fn readiness(address: &str, ready: bool, limit: Duration) -> String {
    let url = format!("http://{address}/health/ready");
    eventually(&format!("ready = {ready}"), limit, async || {
        let answer = reqwest::get(&url).await.ok()?;
        let is_ready = answer.status().is_success();
        let body = answer.text().await.ok()?;
        (is_ready == ready).then_some(body)
    })
    .await
}
