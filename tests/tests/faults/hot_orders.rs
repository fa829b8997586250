//! Faults 53 and 54: shapes of the log for which the work or the memory could grow without bound.

use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Stage, eventually, raw};

use crate::support::{WAITS_FOR_A_LOCK, idle_consumer, wait_for_lanes, wait_until_all_applied};

/// What a consumer may use at most, whatever the log holds.
const MEMORY_LIMIT_MIB: u64 = 256;

/// Records of one order over four partitions, as a producer without keys spreads them. Their sequences are equal,
/// so each batch meets winners of its own event types, and has to be compared with them.
pub fn of_one_order(records: std::ops::Range<u32>) -> Vec<NewRecord> {
    let record = |number: u32| {
        let event = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderCancelled"][number as usize / 4 % 4];
        NewRecord {
            partition: Some((number % 4).cast_signed()),
            ..raw(format!(r#"{{"event":"{event}","order_id":"HOT","sequence":7,"note":"{number}"}}"#))
        }
    };
    records.map(record).collect()
}

/// How long half of the log would take at the slowest pace of its first third and at the fastest pace of its last third,
/// and the peak memory in MiB. What else the machine does slows some slices down, and growth slows down all of the last ones.
/// There are this many slices, a multiple of three; each has to be many batches.
async fn paces(stage: &Stage, records: u32, batch_records: &str, slices: i64) -> (Duration, Duration, u64) {
    for start in (0..records).step_by(20_000) {
        stage.send(of_one_order(start..(start + 20_000).min(records))).await;
    }
    let sql = stage.sql().await;
    let consumer = stage.program("consumer").env("BATCH_RECORDS", batch_records).start();
    let mut reached = Vec::new();
    for slice in 0..=slices {
        let part = i64::from(records) * slice / slices;
        let applied = eventually(&format!("{part} records are applied"), 10 * GIVE_UP_AFTER, async || {
            let applied = stage.positions(&sql).await.values().sum::<i64>();
            (applied > 0 && applied >= part).then_some(applied)
        })
        .await;
        reached.push((applied, Instant::now()));
    }
    // One look may find that several slices are applied.
    reached.dedup_by_key(|(applied, _)| *applied);
    let memory = consumer.peak_memory_mib();
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    let paces: Vec<_> = reached
        .windows(2)
        .map(|ends| {
            let ((from, began), (to, ended)) = (ends[0], ends[1]);
            (from, (ended - began).mul_f64(f64::from(records) / 2.0 / (to - from) as f64))
        })
        .collect();
    let third = i64::from(records) / 3;
    let early = paces.iter().filter(|(from, _)| *from < third).map(|(_, pace)| *pace);
    let late = paces.iter().filter(|(from, _)| *from >= 2 * third).map(|(_, pace)| *pace);
    // A look that comes late may pass over a third of the log.
    let first = early.max().unwrap_or(paces[0].1);
    (first, late.min().unwrap_or(paces[paces.len() - 1].1), memory)
}

async fn hot_order(records: u32, batch_records: &str, slices: i64) {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let (first, last, memory) = paces(&stage, records, batch_records, slices).await;
    println!("half of {records} records of one order: {first:?}, at the end {last:?}; {memory} MiB");
    // Half a second for what else the machine does meanwhile.
    let limit = first.mul_f64(1.5) + Duration::from_millis(500);
    assert!(last <= limit, "at its end, half of the log would take {last:?}, and at its beginning {first:?}");
    assert!(memory < MEMORY_LIMIT_MIB, "{memory} MiB");
    let report = stage.check().await;
    assert_eq!((report.records, report.orders), (records as usize, 1));
}

#[tokio::test]
async fn fault_53_hot_order() {
    hot_order(60_000, "500", 12).await;
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_53_hot_order_of_400_000_records() {
    hot_order(400_000, "20000", 3).await;
}

/// The late records come in one batch, which has to be merged with as many records of 0.9 MB.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_54_large_records_are_merged_in_portions() {
    const ORDERS: u32 = 400;
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let consumer = idle_consumer(&stage).await;
    let large = "x".repeat(900_000);
    let created = |order: u32| {
        raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}","sequence":9,"note":"{large}"}}"#))
    };
    for start in (0..ORDERS).step_by(20) {
        stage.send((start..start + 20).map(created).collect()).await;
        wait_until_all_applied(&stage).await;
    }
    let before = consumer.peak_memory_mib();
    let sql = stage.sql().await;
    sql.batch_execute("BEGIN; LOCK TABLE build_1.order_history IN SHARE MODE").await.unwrap();
    let late = |order: u32| raw(format!(r#"{{"event":"OrderPaid","order_id":"O-{order}","sequence":2}}"#));
    stage.send(vec![late(0)]).await;
    let monitor = stage.sql().await;
    wait_for_lanes(&monitor, 1, WAITS_FOR_A_LOCK).await;
    stage.send((1..ORDERS).map(late).collect()).await;
    sql.batch_execute("ROLLBACK").await.unwrap();
    wait_until_all_applied(&stage).await;
    let memory = consumer.peak_memory_mib();
    println!("{ORDERS} orders of 0.9 MB: {before} MiB, then {memory} MiB");
    assert!(memory < MEMORY_LIMIT_MIB, "{memory} MiB");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(stage.check().await.records, 2 * ORDERS as usize);
}

/// The shortest fields that JSON allows, so that a decoded record takes many times its size.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_54_records_of_many_fields() {
    const ORDERS: u32 = 80;
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let fields = r#","":1"#.repeat(180_000);
    let created = |order: u32| NewRecord {
        partition: Some((order % 4).cast_signed()),
        ..raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}"{fields}}}"#))
    };
    for start in (0..ORDERS).step_by(20) {
        stage.send((start..start + 20).map(created).collect()).await;
    }
    let consumer = stage.consumer();
    wait_until_all_applied(&stage).await;
    let memory = consumer.peak_memory_mib();
    println!("{ORDERS} records of 180 000 fields: {memory} MiB");
    assert!(memory < MEMORY_LIMIT_MIB, "{memory} MiB");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
