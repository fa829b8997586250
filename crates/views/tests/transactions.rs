//! Every transaction is counted and timed by its name.
#![allow(clippy::unwrap_used)] // a test

mod common;

use metrics_exporter_prometheus::PrometheusBuilder;
use orders::record::Headers;
use orders::{Offset, Partition, Record};
use views::Error;

const PARTITION: Partition = Partition(0);

fn record(offset: i64) -> Record<'static> {
    Record {
        partition: PARTITION,
        offset: Offset(offset),
        appended_millis: 1_790_000_000_000 + offset,
        key: None,
        value: Some(br#"{"event":"OrderCreated","order_id":"A"}"#),
        headers: Headers::default(),
    }
}

/// Runs on a single thread, because the metrics recorder is local to it.
#[tokio::test]
async fn claims_and_batches_are_counted_and_timed() {
    let (database, _) = common::database().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _local = metrics::set_default_local_recorder(&recorder);

    let mut stale = common::lane(&database, "the first");
    stale.claim(&[PARTITION]).await.unwrap();
    stale.apply(&[record(0)], &[]).await.unwrap();
    let mut owner = common::lane(&database, "the second");
    owner.claim(&[PARTITION]).await.unwrap();
    owner.apply(&[record(1)], &[]).await.unwrap();
    assert!(matches!(stale.apply(&[record(1)], &[]).await, Err(Error::Fenced { .. })));

    let page = metrics.render();
    for line in [
        r#"food_orders_transactions_total{name="claiming partitions",outcome="committed"} 2"#,
        r#"food_orders_transactions_total{name="applying a batch",outcome="committed"} 2"#,
        r#"food_orders_transactions_total{name="applying a batch",outcome="rolled_back"} 1"#,
        r#"food_orders_transaction_duration_seconds_count{name="claiming partitions"} 2"#,
        r#"food_orders_transaction_duration_seconds_count{name="applying a batch"} 3"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}
