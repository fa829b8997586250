//! Faults 27 to 32: faults of producers. tests/end_to_end/dead_letters.rs has every kind of bad record.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Stage, raw};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::support::{idle_consumer, wait_for_owners, wait_until_all_applied};

fn in_partition(partition: i32, text: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord { partition: Some(partition), ..raw(text) }
}

/// The row of an order, as text.
async fn row(stage: &Stage, order_id: &str) -> String {
    let sql = stage.sql().await;
    let query = "SELECT (to_jsonb(o) - 'first_sequence')::text FROM public.orders AS o WHERE order_id = $1";
    sql.query_one(query, &[&order_id]).await.unwrap().get(0)
}

#[tokio::test]
async fn fault_27_same_event_twice() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let event = r#"{"event":"OrderPaid","order_id":"O","event_id":"11111111-1111-7111-8111-111111111111","sequence":2,
        "occurred_at":"2026-01-01T10:00:00Z","payment_method":"card"}"#;
    let typed = r#"{"event":"OrderShipped","order_id":"O","status":"shipped"}"#;
    stage.send(vec![in_partition(0, event), in_partition(0, typed)]).await;
    stage.catch_up().await;
    let before = row(&stage, "O").await;
    // In the same partition and in another one, once and many times.
    for partition in [0, 1] {
        stage.send((0..50).map(|_| in_partition(partition, event)).collect()).await;
        stage.send(vec![in_partition(partition, typed)]).await;
        stage.catch_up().await;
        assert_eq!(row(&stage, "O").await, before, "the row has to stay");
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.history_rows, report.dead_letters, report.orders), (104, 104, 0, 1));
}

/// The first record in log order wins, in whatever order they are read.
#[tokio::test]
async fn fault_28_same_sequence_with_other_content() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let paid = |method: &str, partition: i32| {
        let text = format!(
            r#"{{"event":"OrderPaid","order_id":"O","event_id":"one","sequence":2,"payment_method":"{method}"}}"#
        );
        in_partition(partition, text)
    };
    stage.send(vec![paid("first", 1)]).await;
    // Append times have milliseconds; the others have to be later.
    tokio::time::sleep(Duration::from_millis(5)).await;
    stage.send(vec![paid("second", 0), paid("third", 0), paid("fourth", 1)]).await;
    stage.catch_up().await;
    assert!(row(&stage, "O").await.contains(r#""payment_method": "first""#), "{}", row(&stage, "O").await);
    assert_eq!(stage.check().await.history_rows, 4, "the history has to keep all records");
}

/// Events in random order, over all partitions and two consumers; some are missing.
#[tokio::test]
async fn fault_29_events_out_of_order_and_missing() {
    let seed = rand::random();
    println!("seed: {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let consumers = [stage.consumer(), stage.consumer()];
    wait_for_owners(&stage, 2).await;
    let names = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"];
    let mut sent = Vec::new();
    for order in 0..500 {
        for (index, name) in names.iter().enumerate() {
            // Some events are missing, and some have no sequence.
            if random.random_bool(0.1) {
                continue;
            }
            let sequence =
                if random.random_bool(0.5) { format!(r#","sequence":{}"#, index + 1) } else { String::new() };
            let text = format!(
                r#"{{"event":"{name}","order_id":"O-{order}","occurred_at":"2026-01-01T10:0{index}:00Z"{sequence},
                    "customer_id":"C-{index}","courier_id":"K-{index}","payment_method":"P-{index}","note":{index}}}"#
            );
            sent.push(in_partition(random.random_range(0..4), text));
        }
    }
    sent.shuffle(&mut random);
    for piece in sent.chunks(97) {
        stage.send(piece.to_vec()).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (sent.len(), 0));
    for consumer in consumers {
        assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    }
}

/// Good and bad records of one order alternate. Only the bad ones become dead letters, and the good ones are
/// applied.
#[tokio::test]
async fn fault_30_bad_records_between_good_ones() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let consumer = idle_consumer(&stage).await;
    let event = |name: &str| raw(format!(r#"{{"event":"{name}","order_id":"O"}}"#));
    stage
        .send(vec![
            event("OrderCreated"),
            raw("no JSON"),
            event("OrderEaten"),
            raw(r#"{"event":"OrderPaid","order_id":"O","sequence":"two"}"#),
            event("OrderPaid"),
            NewRecord { key: Some("O".into()), ..NewRecord::default() },
            raw(r#"{"event":"OrderPaid","order_id":"O","note":"\u0000"}"#),
            NewRecord { headers: vec![("schema-version", "99")], ..event("OrderShipped") },
            event("OrderDelivered"),
        ])
        .await;
    stage.wait_for_status("O", "delivered").await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters, report.history_rows), (9, 6, 3));
    let sql = stage.sql().await;
    let causes = "SELECT cause FROM public.dead_letters ORDER BY \"offset\"";
    let causes: Vec<String> = sql.query(causes, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let expected =
        ["bad_json", "unknown_event", "wrong_type", "empty_value", "nul_character", "unknown_schema_version"];
    assert_eq!(causes, expected);
    let api = stage.api().await;
    let order = api.get("/orders/O").await.ok();
    assert_eq!(order.header("open-dead-letters"), "6");
    assert_eq!(order.json()["incomplete"], true, "{}", order.body);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_31_records_over_the_size_limit() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let consumer = idle_consumer(&stage).await;
    let large = |order: u32, bytes: usize| {
        let padding = "x".repeat(bytes);
        raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}","note":"{padding}"}}"#))
    };
    // 100 records that are too large, and 40 that are not, each of about 1 MB.
    for round in 0..10 {
        stage.send((0..10).map(|order| large(round * 20 + order, 1_000_000)).collect()).await;
        stage.send((10..14).map(|order| large(round * 20 + order, 990_000)).collect()).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (140, 100));
    let sql = stage.sql().await;
    let kept = "SELECT min(payload_bytes), max(length(payload)), count(DISTINCT cause), min(cause) FROM public.dead_letters";
    let kept = sql.query_one(kept, &[]).await.unwrap();
    assert!(kept.get::<_, i32>(0) > 1_000_000, "the dead letter has to give the full size");
    assert_eq!((kept.get::<_, i32>(1), kept.get::<_, i64>(2)), (64 * 1024, 1));
    assert_eq!(kept.get::<_, &str>(3), "too_large");
    let peak = consumer.peak_memory_mib();
    println!("peak memory of the consumer: {peak} MiB");
    assert!(peak < 400, "{peak} MiB");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_32_clock_skew() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let _consumer = idle_consumer(&stage).await;
    let api = stage.api().await;
    let times = [
        "2093-07-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2026-01-01T00:00:00Z",
    ];
    let names = ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"];
    for (index, (time, name)) in times.iter().zip(names).enumerate() {
        let events = (0..50).map(|order| {
            let text = format!(r#"{{"event":"{name}","order_id":"O-{order}","occurred_at":"{time}"}}"#);
            in_partition(i32::from(index % 2 == 0), text)
        });
        stage.send(events.collect()).await;
    }
    wait_until_all_applied(&stage).await;
    // The cuts are by append time and by offsets.
    let report = stage.check_with(&api, 60).await;
    assert_eq!((report.records, report.dead_letters), (200, 0));
    let order = api.get("/orders/O-1").await.ok().json();
    assert_eq!(order["status"], "delivered");
    assert_eq!(
        order["shipped_at"], "1969-12-31T23:59:59.999999Z",
        "event times are stored as given: {order}"
    );
}
