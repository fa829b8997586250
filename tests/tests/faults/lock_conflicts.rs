//! Fault 13: conflicts with another session.

use end_to_end::harness::{GIVE_UP_AFTER, Program, Stage, eventually};
use tokio_postgres::Client;

use crate::support::{
    WAITS_FOR_A_LOCK, events, events_named, idle_consumer, wait_for_lanes, wait_until_all_applied,
};

/// A stage with 400 applied orders and a running consumer, with a session to conflict with it. The settings
/// are those of the database.
async fn stage_with_orders(settings: &[&str]) -> (Stage, Client, Program) {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    for setting in settings {
        sql.batch_execute(&format!("ALTER DATABASE {name} SET {setting}")).await.unwrap();
    }
    let consumer = idle_consumer(&stage).await;
    stage.send(events(0..400, 4)).await;
    wait_until_all_applied(&stage).await;
    let other = stage.sql().await;
    (stage, other, consumer)
}

/// Locks the row of one of the orders.
const HOLD_AN_ORDER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE build_1.orders SET details = details WHERE order_id = 'O-8'";

async fn check_800_records(stage: Stage, consumer: Program) {
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (800, 0));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_13_deadlock() {
    // A session looks for a deadlock once, so the test has to close the circle within this time.
    let (stage, other, consumer) = stage_with_orders(&["deadlock_timeout = '10s'"]).await;
    let sql = stage.sql().await;
    // The session that finds the deadlock is the one that is ended. It has to be the consumer's.
    other.batch_execute("SET deadlock_timeout = '10min'").await.unwrap();
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    stage.send(events_named("OrderPaid", 0..400, 4)).await;
    wait_for_lanes(&sql, 1, WAITS_FOR_A_LOCK).await;
    other.batch_execute("SELECT FROM build_1.positions FOR UPDATE").await.unwrap();
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    other.batch_execute("ROLLBACK").await.unwrap();
    eventually("PostgreSQL has counted a deadlock", GIVE_UP_AFTER, async || {
        (sql.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(())
    })
    .await;
    check_800_records(stage, consumer).await;
}

/// Time-outs that are set for the database do not reach the consumer: its sessions pin their own.
#[tokio::test]
async fn fault_13_lock_and_statement_time_outs() {
    for setting in ["lock_timeout = '300ms'", "statement_timeout = '300ms'"] {
        let (stage, other, consumer) = stage_with_orders(&[setting]).await;
        let sql = stage.sql().await;
        other.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await.unwrap();
        other.batch_execute(HOLD_AN_ORDER).await.unwrap();
        stage.send(events_named("OrderPaid", 0..400, 4)).await;
        let waits_longer = "wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '2 s'";
        wait_for_lanes(&sql, 1, waits_longer).await;
        other.batch_execute("ROLLBACK").await.unwrap();
        check_800_records(stage, consumer).await;
    }
}

#[tokio::test]
async fn fault_13_cancelled_statements() {
    let (stage, other, consumer) = stage_with_orders(&[]).await;
    let sql = stage.sql().await;
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    let rolled_back = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let before: i64 = sql.query_one(rolled_back, &[]).await.unwrap().get(0);
    stage.send(events_named("OrderPaid", 0..400, 4)).await;
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                  AND application_name = 'food-orders lane' AND wait_event_type = 'Lock'";
    eventually("three transactions have been rolled back", GIVE_UP_AFTER, async || {
        sql.batch_execute(cancel).await.unwrap();
        (sql.query_one(rolled_back, &[]).await.unwrap().get::<_, i64>(0) >= before + 3).then_some(())
    })
    .await;
    other.batch_execute("ROLLBACK").await.unwrap();
    check_800_records(stage, consumer).await;
}

/// Sessions pin READ COMMITTED: the row that the consumer waits for changes, and it continues with the new one.
#[tokio::test]
async fn fault_13_serializable_by_default() {
    let (stage, other, consumer) =
        stage_with_orders(&["default_transaction_isolation = 'serializable'"]).await;
    let sql = stage.sql().await;
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    stage.send(events_named("OrderPaid", 0..400, 4)).await;
    wait_for_lanes(&sql, 1, WAITS_FOR_A_LOCK).await;
    other.batch_execute("COMMIT").await.unwrap();
    check_800_records(stage, consumer).await;
}

#[tokio::test]
async fn fault_13_serialization_failure() {
    let (stage, _other, consumer) = stage_with_orders(&[]).await;
    let sql = stage.sql().await;
    // The sequence also counts attempts that are rolled back.
    sql.batch_execute(
        "CREATE SEQUENCE attempts;
         CREATE FUNCTION fail_three_times() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('public.attempts') <= 3 THEN
                 RAISE EXCEPTION 'made by the test' USING ERRCODE = 'serialization_failure';
             END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER fail_three_times BEFORE INSERT ON build_1.orders
             FOR EACH STATEMENT EXECUTE FUNCTION fail_three_times()",
    )
    .await
    .unwrap();
    stage.send(events_named("OrderPaid", 0..400, 4)).await;
    wait_until_all_applied(&stage).await;
    let attempts: i64 = sql.query_one("SELECT last_value FROM attempts", &[]).await.unwrap().get(0);
    assert!(attempts > 3, "{attempts} attempts");
    check_800_records(stage, consumer).await;
}
