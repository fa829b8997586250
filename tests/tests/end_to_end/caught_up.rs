//! `consumer --until-caught-up`.

use end_to_end::harness::{Stage, raw};

#[tokio::test]
async fn it_ends_on_an_empty_topic() {
    let stage = Stage::new().await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders), (0, 0));
    assert_eq!(
        stage.ends().await.len(),
        6,
        "the consumer creates the topic with the default number of partitions"
    );
}

#[tokio::test]
async fn it_ends_each_time_all_records_are_applied() {
    let stage = Stage::new().await;
    stage.produce("--orders 100 --cancel-share 0").await;
    stage.catch_up().await;
    assert_eq!(stage.check().await.orders, 100);
    stage.catch_up().await;
    stage.produce("--orders 50 --cancel-share 0").await;
    stage.catch_up().await;
    assert_eq!(stage.check().await.orders, 150);
}

/// The partitions end in a transaction marker, in aborted records, or in both.
#[tokio::test]
async fn it_ends_on_a_log_that_ends_in_markers_and_aborted_records() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let event = |order: u32| raw(format!(r#"{{"event":"OrderCreated","order_id":"O-{order}"}}"#));
    stage.send((0..10).map(event).collect()).await;
    stage.send_in_transaction((10..20).map(event).collect(), true).await;
    stage.send_in_transaction((20..30).map(event).collect(), false).await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders), (20, 20));
    assert_eq!(stage.positions(&stage.sql().await).await, stage.ends().await);
}
