//! Two consumers in one group.

use std::time::Instant;

use end_to_end::harness::{PATIENCE, Stage, eventually, test_events};

/// `FOOD_ORDERS_TEST_EVENTS=1000000` is the run that the README tells of.
#[tokio::test]
async fn two_consumers_share_the_partitions() {
    let stage = Stage::new().await;
    // An order has 3.85 events on average: some are cancelled early.
    let orders = test_events() * 10 / 38;
    let produced = Instant::now();
    stage.produce(&format!("--orders {orders} --duplicate-share 0.01")).await;
    let log_length = stage.log_length().await;
    println!("{log_length} events in {:?}", produced.elapsed());

    let applied = Instant::now();
    let (first, second) = (stage.consumer(), stage.consumer());
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("all applied", 10 * PATIENCE, async || (stage.positions(&sql).await == ends).then_some(()))
        .await;
    println!("applied by two consumers in {:?}", applied.elapsed());
    // A small log may be done before the second one has joined: then they share what comes now.
    eventually("two owners", PATIENCE, async || {
        let owners = "SELECT count(DISTINCT owner) FROM public.positions";
        (sql.query_one(owners, &[]).await.unwrap().get::<_, i64>(0) == 2).then_some(())
    })
    .await;
    stage.produce("--orders 1000").await;
    stage.check().await;
    assert_eq!(first.terminate(PATIENCE).await, 0);
    assert_eq!(second.terminate(PATIENCE).await, 0);
}
