//! Fault 12: a database that takes no writes.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually, free_address};

use crate::support::{
    count_dead_letters, events, idle_consumer, wait_for_owners, wait_for_readiness, wait_for_reason,
};

/// Sessions that are opened meanwhile stay read-only until they end, so the consumer has to reconnect.
#[tokio::test]
async fn fault_12_database_is_read_only() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let health = free_address();
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    wait_for_owners(&stage, 1).await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    set_read_only(&stage, name, true).await;
    stage.send(events(0..400, 4)).await;
    wait_for_reason(&health, "25006", GIVE_UP_AFTER).await;
    assert!(!consumer.has_ended());
    set_read_only(&stage, name, false).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters, count_dead_letters(&sql).await), (400, 0, 0));
    wait_for_readiness(&health, true, GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// A member without partitions opens its first session while the database takes no writes.
#[tokio::test]
async fn fault_12_partitions_taken_over_while_the_database_is_read_only() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let first = idle_consumer(&stage).await;
    let mut second = stage.program("consumer").env("LOG_LEVEL", "debug").start();
    eventually("the group has two members", GIVE_UP_AFTER, async || {
        (stage.members().await == 2).then_some(())
    })
    .await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    set_read_only(&stage, name, true).await;
    stage.send(events(0..100, 1)).await;
    first.kill().await;
    second.wait_for_line(&["claiming partitions", "25006"], GIVE_UP_AFTER).await;
    set_read_only(&stage, name, false).await;
    assert_eq!(stage.check().await.records, 100);
    assert!(!second.has_ended());
    assert_eq!(second.terminate(GIVE_UP_AFTER).await, 0);
}

async fn set_read_only(stage: &Stage, name: &str, on: bool) {
    let sql = stage.sql().await;
    let setting =
        if on { "SET default_transaction_read_only = on" } else { "RESET default_transaction_read_only" };
    sql.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    sql.batch_execute(&format!("ALTER DATABASE {name} {setting}")).await.unwrap();
    if on {
        let end_lanes = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'food-orders lane'";
        sql.batch_execute(end_lanes).await.unwrap();
    }
}
