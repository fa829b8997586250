//! The tables contain what the producer writes, in every way that it can write.

use end_to_end::harness::Stage;

async fn produced_and_applied(arguments: &str) -> Stage {
    let stage = Stage::new().await;
    stage.produce(arguments).await;
    stage.wait_for_markers().await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!(report.dead_letters, 0);
    assert!(report.orders >= 5000, "{report}");
    stage
}

#[tokio::test]
async fn cancellations_and_duplicates_are_applied() {
    produced_and_applied("--orders 5000 --cancel-share 0.3 --duplicate-share 0.2 --seed 1").await;
}

#[tokio::test]
async fn records_keyed_by_customer_are_applied() {
    produced_and_applied("--orders 5000 --key customer --duplicate-share 0.1 --seed 2").await;
}

/// Transaction markers take offsets, among them the last one of each partition.
#[tokio::test]
async fn records_in_transactions_are_applied() {
    let stage = produced_and_applied("--orders 5000 --transactional --seed 3").await;
    let positions = stage.positions(&stage.sql().await).await;
    let ends = stage.ends().await;
    assert_eq!(positions, ends, "the lag has to reach zero in spite of transaction markers");
}
