//! Two consumers share one group, and a broker lacks the group's protocol.

use std::time::Instant;

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Stage, eventually, free_address, raw, test_events};
use local_stack::KafkaMode;

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

/// A broker of KRaft mode refuses the protocol. One of ZooKeeper mode does not know it, and librdkafka then asks for ever.
#[tokio::test]
async fn a_broker_without_the_new_protocol_of_groups_is_reported() {
    let kafka = OwnServer::kafka_with(&[("group.coordinator.rebalance.protocols", "classic")]);
    let mut stage = Stage::new().await;
    stage.kafka.bootstrap_servers = kafka.bootstrap_servers();
    stage.create_topic(1).await;
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"O-1"}"#)]).await;
    let health = free_address();
    let mut consumer = stage
        .program("consumer")
        .env("KAFKA_PROPERTIES", "group.protocol=consumer")
        .env("METRICS_LISTEN", &health)
        .start();
    match KafkaMode::of_tests().unwrap() {
        KafkaMode::Kraft => {
            assert_eq!(consumer.exit_code(GIVE_UP_AFTER).await, 2, "{}", consumer.log());
            let log = consumer.log();
            assert!(log.contains("the brokers do not offer the protocol of groups (KIP-848)"), "{log}");
        }
        KafkaMode::ZooKeeper => {
            consumer.wait_for_log("has not let this member in", 2 * GIVE_UP_AFTER).await;
            let answer = reqwest::get(format!("http://{health}/health/ready")).await.unwrap();
            assert_eq!(answer.status(), 503);
            let body = answer.text().await.unwrap();
            assert!(body.contains("leave group.protocol out"), "{body}");
            assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
        }
    }
    // As the message says.
    stage.catch_up().await;
    stage.wait_for_status("O-1", "pending").await;
}
