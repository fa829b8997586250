//! What the producer writes is what the tables tell, whichever way it writes.

use end_to_end::harness::Stage;

async fn produced_and_applied(arguments: &str) -> Stage {
    let stage = Stage::new().await;
    stage.produce(arguments).await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!(report.dead_letters, 0);
    assert!(report.orders >= 5000, "{report}");
    stage
}

#[tokio::test]
async fn with_cancellations_and_duplicates() {
    produced_and_applied("--orders 5000 --cancel-share 0.3 --duplicate-share 0.2 --seed 1").await;
}

#[tokio::test]
async fn keyed_by_customer() {
    produced_and_applied("--orders 5000 --key customer --duplicate-share 0.1 --seed 2").await;
}

/// Transaction markers take offsets, the last one of each partition among them.
#[tokio::test]
async fn in_transactions() {
    let stage = produced_and_applied("--orders 5000 --transactional --seed 3").await;
    let positions = stage.positions(&stage.sql().await).await;
    let ends = stage.ends().await;
    assert_eq!(positions, ends, "lag reaches zero in spite of markers");
}
