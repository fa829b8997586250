//! Writing to a real broker, and the content of the log afterwards.

use std::time::{Duration, Instant};

use crate::common::{Read, blocking, read_all, settings};
use event_log::{KafkaSettings, LogWriter, Outgoing, Sent, TopicSpec, Totals, ensure_topic};
use orders::EventType;

const SOON: Duration = Duration::from_secs(30);

fn record<'a>(key: &'a str, value: &'a [u8]) -> Outgoing<'a> {
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    Outgoing {
        event: EventType::OrderPaid,
        key: Some(key),
        value,
        content_type: "application/json",
        traceparent,
    }
}

async fn topic() -> KafkaSettings {
    let settings = settings().await;
    ensure_topic(&settings, &TopicSpec::default()).await.unwrap();
    settings
}

/// Reads until there is something. A transaction is committed a moment before its partition says so, and until then
/// readers stop before its records.
async fn read_committed(settings: &KafkaSettings) -> Vec<Read> {
    let deadline = Instant::now() + SOON;
    loop {
        let records = read_all(settings).await;
        if !records.is_empty() {
            return records;
        }
        assert!(Instant::now() < deadline, "nothing was committed");
        // Kafka has no request that waits for a marker.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_record_has_its_key_value_and_headers() {
    let settings = topic().await;
    let kafka = settings.clone();
    let totals = blocking(move || {
        let mut writer = LogWriter::connect(&kafka, false).unwrap();
        assert_eq!(writer.send(&record("ORD-1", b"{}")).unwrap(), Sent::Queued);
        let bare = Outgoing {
            event: EventType::OrderCreated,
            key: None,
            value: b"[]",
            content_type: "application/json",
            traceparent: None,
        };
        assert_eq!(writer.send(&bare).unwrap(), Sent::Queued);
        writer.finish(SOON).unwrap()
    })
    .await;
    assert_eq!(totals, Totals { sent: 2, acknowledged: [1, 1, 0, 0, 0], ..Totals::default() });
    let mut records = read_all(&settings).await;
    records.sort_by(|one, two| one.value.cmp(&two.value));
    let [bare, full] = &records[..] else { panic!("{records:?}") };
    assert_eq!((full.key.as_deref(), full.value.as_str()), (Some("ORD-1"), "{}"));
    let headers: Vec<_> = full.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let common = [("content-type", "application/json"), ("schema-version", "1")];
    assert_eq!(headers[..3], [("event-type", "OrderPaid"), common[0], common[1]]);
    assert_eq!(headers[3..], [("traceparent", traceparent)]);
    assert_eq!((bare.key.as_deref(), bare.headers.len()), (None, 3));
}

#[tokio::test]
async fn keys_choose_the_partition_that_javas_clients_choose() {
    let settings = topic().await;
    // Hashes from the tests of Kafka's own implementation of murmur2.
    let hashes =
        [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)];
    let kafka = settings.clone();
    blocking(move || {
        let mut writer = LogWriter::connect(&kafka, false).unwrap();
        for (key, _) in hashes {
            assert_eq!(writer.send(&record(key, b"{}")).unwrap(), Sent::Queued);
        }
        writer.finish(SOON).unwrap()
    })
    .await;
    for record in read_all(&settings).await {
        let (_, hash) = hashes.iter().find(|(key, _)| record.key.as_deref() == Some(key)).unwrap();
        assert_eq!(record.partition, (hash & i32::MAX) % 6, "{record:?}");
    }
}

#[tokio::test]
async fn a_full_queue_holds_the_sender_up_and_loses_nothing() {
    let mut settings = topic().await;
    settings.properties.push(("queue.buffering.max.messages".into(), String::from("100").into()));
    let kafka = settings.clone();
    let (full, totals) = blocking(move || {
        let mut writer = LogWriter::connect(&kafka, false).unwrap();
        let mut full = 0;
        for number in 0..20_000 {
            let value = number.to_string();
            while writer.send(&record("ORD-1", value.as_bytes())).unwrap() == Sent::Full {
                full += 1;
                writer.serve(Duration::from_millis(1)).unwrap();
            }
        }
        (full, writer.finish(SOON).unwrap())
    })
    .await;
    assert!(full > 0);
    assert_eq!((totals.acknowledged(), totals.unacknowledged()), (20_000, 0));
    let values: Vec<_> = read_all(&settings).await.into_iter().map(|record| record.value).collect();
    let expected: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
    assert_eq!(values, expected, "each once, in the order of sending");
}

#[tokio::test]
async fn what_nobody_acknowledged_is_reported() {
    let settings = KafkaSettings::new("127.0.0.1:1", "food-orders");
    let start = Instant::now();
    let totals = blocking(move || {
        let mut writer = LogWriter::connect(&settings, false).unwrap();
        assert_eq!(writer.send(&record("ORD-1", b"{}")).unwrap(), Sent::Queued);
        writer.finish(Duration::from_millis(500)).unwrap()
    })
    .await;
    assert_eq!((totals.sent, totals.acknowledged(), totals.unacknowledged()), (1, 0, 1));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_transaction_is_seen_as_a_whole_or_not_at_all() {
    let settings = topic().await;
    let kafka = settings.clone();
    let writer = blocking(move || {
        let mut writer = LogWriter::connect(&kafka, true).unwrap();
        for _ in 0..10 {
            assert_eq!(writer.send(&record("ORD-1", b"first")).unwrap(), Sent::Queued);
        }
        writer
    })
    .await;
    assert_eq!(writer.totals().acknowledged(), 0);
    assert_eq!(read_all(&settings).await, []);
    // A second writer of the same name aborts what the first has left open, and fences it.
    let kafka = settings.clone();
    let totals = blocking(move || {
        let mut second = LogWriter::connect(&kafka, true).unwrap();
        assert!(writer.finish(SOON).is_err());
        assert_eq!(second.send(&record("ORD-1", b"second")).unwrap(), Sent::Queued);
        second.finish(SOON).unwrap()
    })
    .await;
    assert_eq!((totals.acknowledged(), totals.unacknowledged()), (1, 0));
    let values: Vec<_> = read_committed(&settings).await.into_iter().map(|record| record.value).collect();
    assert_eq!(values, ["second"]);
}

#[tokio::test]
async fn transactions_end_by_themselves_after_a_while() {
    let settings = topic().await;
    let kafka = settings.clone();
    let writer = blocking(move || {
        let mut writer = LogWriter::connect(&kafka, true).unwrap();
        assert_eq!(writer.send(&record("ORD-1", b"{}")).unwrap(), Sent::Queued);
        let deadline = Instant::now() + SOON;
        while writer.totals().acknowledged() == 0 {
            assert!(Instant::now() < deadline);
            writer.serve(Duration::from_millis(20)).unwrap();
        }
        writer
    })
    .await;
    assert_eq!(read_committed(&settings).await.len(), 1);
    drop(writer);
}
