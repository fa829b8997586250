//! Two consumers share one group.

use std::time::Instant;

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually, test_events};

/// `FOOD_ORDERS_TEST_EVENTS=1000000` makes it a large test.
#[tokio::test]
async fn two_consumers_share_the_partitions() {
    let stage = Stage::new().await;
    // Some orders are cancelled early, so an order has 3.85 events on average.
    let orders = test_events() * 10 / 38;
    let produced = Instant::now();
    stage.produce(&format!("--orders {orders} --duplicate-share 0.01")).await;
    let log_length = stage.log_length().await;
    println!("{log_length} events in {:?}", produced.elapsed());

    let applied = Instant::now();
    let (first, second) = (stage.consumer(), stage.consumer());
    let sql = stage.sql().await;
    let ends = stage.ends().await;
    eventually("all records are applied", 10 * GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == ends).then_some(())
    })
    .await;
    println!("applied by two consumers in {:?}", applied.elapsed());
    // The first consumer may have applied a small log before the second has joined. They share what comes
    // after that.
    eventually("the partitions have two owners", GIVE_UP_AFTER, async || {
        let owners = "SELECT count(DISTINCT owner) FROM public.positions";
        (sql.query_one(owners, &[]).await.unwrap().get::<_, i64>(0) == 2).then_some(())
    })
    .await;
    stage.produce("--orders 1000").await;
    stage.check().await;
    assert_eq!(first.terminate(GIVE_UP_AFTER).await, 0);
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
}
