//! Three consumers, restarted one after the other under load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use end_to_end::harness::{PATIENCE, Stage, eventually};
use tokio_postgres::Client;

/// Far more often than events come to a partition: a partition that stands still for longer than a few
/// intervals waits for its next owner.
const LOOK_EACH: Duration = Duration::from_millis(20);
/// Generous: the machine is busy with other tests.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_and_doubles_nothing() {
    let stage = Stage::new().await;
    stage.create_topic(6).await;
    let sql = stage.sql().await;
    let mut consumers = [stage.consumer(), stage.consumer(), stage.consumer()];
    owners(&sql, 3).await;
    let producer = stage.program("producer").args("--rate 600").start();
    let over = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(longest_pauses(stage.sql().await, over.clone()));
    for consumer in &mut consumers {
        let old = std::mem::replace(consumer, stage.consumer());
        assert_eq!(old.terminate(PATIENCE).await, 0);
        owners(&sql, 3).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    over.store(true, Ordering::Relaxed);
    let pauses = watch.await.unwrap();
    assert_eq!(producer.terminate(PATIENCE).await, 0);
    let report = stage.check().await;
    println!("{} records; longest pause of each partition: {pauses:?}", report.records);
    assert!(pauses.values().all(|pause| *pause < LONGEST_PAUSE), "{pauses:?}");
    for consumer in consumers {
        assert_eq!(consumer.terminate(PATIENCE).await, 0);
    }
}

/// Waits until the six partitions are shared out among so many.
async fn owners(sql: &Client, number: i64) {
    let query = "SELECT count(DISTINCT owner), count(owner) FROM public.positions";
    eventually(&format!("{number} owners"), PATIENCE, async || {
        let row = sql.query_one(query, &[]).await.ok()?;
        ((row.get::<_, i64>(0), row.get::<_, i64>(1)) == (number, 6)).then_some(())
    })
    .await;
}

/// How long each partition stood still at most, while the producer writes to all of them.
async fn longest_pauses(sql: Client, over: Arc<AtomicBool>) -> BTreeMap<i32, Duration> {
    let mut last: BTreeMap<i32, (i64, Instant)> = BTreeMap::new();
    let mut longest = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        let rows = sql.query("SELECT partition, next_offset FROM public.positions", &[]).await.unwrap();
        let now = Instant::now();
        for row in &rows {
            let (partition, position) = (row.get(0), row.get(1));
            let (seen, moved) = last.entry(partition).or_insert((position, now));
            // Before the first event there is nothing to wait for.
            if position > 0 {
                let pause = longest.entry(partition).or_insert(Duration::ZERO);
                *pause = (*pause).max(now - *moved);
            }
            if *seen != position {
                (*seen, *moved) = (position, now);
            }
        }
        tokio::time::sleep(LOOK_EACH).await;
    }
    longest
}
