//! Three consumers, restarted one after the other under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};
use tokio_postgres::Client;

/// How often the positions are read. Events arrive at every partition about as often, so one whose position
/// stays for much longer waits for its next owner.
const READ_INTERVAL: Duration = Duration::from_millis(20);
/// Generous, because the machine is busy with other tests.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_and_doubles_nothing() {
    let stage = Stage::new().await;
    stage.create_topic(6).await;
    let sql = stage.sql().await;
    let mut consumers = [stage.consumer(), stage.consumer(), stage.consumer()];
    let mut owners = wait_for_owners(&sql, &BTreeSet::new()).await;
    let producer = stage.program("producer").args("--rate 600").start();
    let done = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(longest_pauses(stage.sql().await, done.clone()));
    for consumer in &mut consumers {
        let old = std::mem::replace(consumer, stage.consumer());
        assert_eq!(old.terminate(GIVE_UP_AFTER).await, 0);
        owners = wait_for_owners(&sql, &owners).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    done.store(true, Ordering::Relaxed);
    let pauses = watch.await.unwrap();
    assert_eq!(producer.terminate(GIVE_UP_AFTER).await, 0);
    let report = stage.check().await;
    println!("{} records; longest pause of each partition: {pauses:?}", report.records);
    assert!(pauses.values().all(|pause| *pause < LONGEST_PAUSE), "{pauses:?}");
    for consumer in consumers {
        assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    }
}

/// Waits until three consumers share the six partitions, one of them new, and returns their names. The positions name a
/// consumer that has ended until another one claims them.
async fn wait_for_owners(sql: &Client, before: &BTreeSet<String>) -> BTreeSet<String> {
    let query = "SELECT owner FROM public.positions WHERE owner IS NOT NULL";
    eventually("three consumers share the partitions, one of them new", GIVE_UP_AFTER, async || {
        let rows = sql.query(query, &[]).await.ok()?;
        let owners: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
        (rows.len() == 6 && owners.len() == 3 && !owners.is_subset(before)).then_some(owners)
    })
    .await
}

/// The longest time for which each position did not move, while the producer writes to all partitions.
async fn longest_pauses(sql: Client, done: Arc<AtomicBool>) -> BTreeMap<i32, Duration> {
    let mut last: BTreeMap<i32, (i64, Instant)> = BTreeMap::new();
    let mut longest = BTreeMap::new();
    while !done.load(Ordering::Relaxed) {
        let rows = sql.query("SELECT partition, next_offset FROM public.positions", &[]).await.unwrap();
        let now = Instant::now();
        for row in &rows {
            let (partition, position) = (row.get(0), row.get(1));
            let (seen, moved) = last.entry(partition).or_insert((position, now));
            // Before the first event, a position that does not move is no pause.
            if position > 0 {
                let pause = longest.entry(partition).or_insert(Duration::ZERO);
                *pause = (*pause).max(now - *moved);
            }
            if *seen != position {
                (*seen, *moved) = (position, now);
            }
        }
        tokio::time::sleep(READ_INTERVAL).await;
    }
    longest
}
