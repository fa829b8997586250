//! Faults that a program meets while it starts.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Network, Proxy, Stage, free_address};

use super::support::{
    events, hold_for, idle_consumer, wait_for_readiness, wait_for_reason, wait_until_all_applied,
};

/// Lets the broker answer the fetches of one client at one byte per second, or as usual.
async fn throttle(stage: &Stage, client: &str, throttled: bool) {
    let change =
        if throttled { "--add-config consumer_byte_rate=1" } else { "--delete-config consumer_byte_rate" };
    let arguments = format!(
        "kafka configs --bootstrap-server {} --alter --entity-type clients --entity-name {client} {change}",
        stage.kafka.bootstrap_servers
    );
    stage.program("local-stack").args(&arguments).succeed(GIVE_UP_AFTER).await;
}

#[tokio::test]
async fn fault_74_last_applied_record_cannot_be_read() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(events(0..10, 1)).await;
    stage.catch_up().await;
    let client = format!("throttled-{}", stage.kafka.topic);
    throttle(&stage, &client, true).await;
    let address = free_address();
    let mut consumer = stage
        .program("consumer")
        .env("METRICS_LISTEN", &address)
        .env("KAFKA_PROPERTIES", format!("client.id={client}"))
        .start();
    consumer.wait_for_log("waiting for Kafka", GIVE_UP_AFTER).await;
    wait_for_reason(&address, "--accept-unverified-log", GIVE_UP_AFTER).await;
    assert_eq!(stage.members().await, 0, "it has joined the group without comparing");
    let mut bold = stage
        .program("consumer")
        .env("KAFKA_PROPERTIES", format!("client.id={client}"))
        .args("--accept-unverified-log")
        .start();
    bold.wait_for_log("as --accept-unverified-log says", GIVE_UP_AFTER).await;
    bold.wait_for_log("assigned", GIVE_UP_AFTER).await;
    assert_eq!(bold.terminate(GIVE_UP_AFTER).await, 0);

    throttle(&stage, &client, false).await;
    wait_for_readiness(&address, true, 2 * GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    stage.check().await;
}

/// What the log no longer holds cannot be compared, and is reported instead.
#[tokio::test]
async fn fault_74_last_applied_record_was_deleted() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(events(0..10, 1)).await;
    stage.catch_up().await;
    stage.delete_records(0, 10).await;
    let address = free_address();
    let consumer = stage.program("consumer").env("METRICS_LISTEN", &address).start();
    let health = wait_for_readiness(&address, true, GIVE_UP_AFTER).await;
    assert!(health.contains("unverified: the log no longer holds"), "{health}");
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("food_orders_unverified_partitions 1"), "{metrics}");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_76_database_fails_while_programs_start() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(events(0..10, 1)).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    proxy.set(Network::Refuses);
    let through = |program: &str, arguments: &str| {
        let url = proxy.url(&stage.database_url);
        stage.program(program).env("DATABASE_URL", url).args(arguments).start()
    };
    let mut commands = [
        through("consumer", "decisions export"),
        through("replay-rebuild", "--dry-run"),
        through("consumer", "--until-caught-up"),
    ];
    for command in &mut commands {
        command.wait_for_log("waiting for PostgreSQL", GIVE_UP_AFTER).await;
    }
    // Connections break again and again while the consumer prepares.
    for _ in 0..5 {
        proxy.set(Network::Passes);
        hold_for(Duration::from_millis(30)).await;
        proxy.set(Network::Refuses);
        proxy.cut();
    }
    proxy.set(Network::Passes);
    for command in &mut commands {
        assert_eq!(command.exit_code(GIVE_UP_AFTER).await, 0, "{}", command.log());
    }
    let consumer = idle_consumer(&stage).await;
    wait_until_all_applied(&stage).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    stage.check().await;
}
