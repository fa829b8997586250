//! Faults 9 to 16, but for the disk: what PostgreSQL and the way to it can do.

use std::time::Duration;

use end_to_end::harness::{Lost, Network, Own, PATIENCE, Program, Proxy, Stage, eventually};
use local_stack::free_port;

use crate::support::{
    all_applied, applied, dead_letters, events, every_partition_has_an_owner, for_so_long, idle_consumer,
    lanes_are, readiness,
};

/// A producer that goes on until it is ended.
fn steady_producer(stage: &Stage) -> Program {
    stage.program("producer").args("--rate 2000 --time-compression 2000 --cancel-share 0.2").start()
}

/// The outcome is unknown to the consumer; the position row tells.
async fn lose_commits(lost: Lost) {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let proxy = Proxy::before(&stage.database_url);
    let consumer = stage.program("consumer").env("DATABASE_URL", proxy.url(&stage.database_url)).start();
    every_partition_has_an_owner(&stage, 1).await;
    for round in 0..10 {
        let log_length = i64::from(round) * 100;
        applied(&stage, &sql, log_length).await;
        proxy.lose_next_commit(lost);
        stage.send(events(round * 100..(round + 1) * 100, 4)).await;
        let lost = round + 1;
        eventually("COMMIT lost", PATIENCE, async || (proxy.lost_commits() >= lost).then_some(())).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1000, 0));
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_09_connection_dies_before_commit_arrives() {
    lose_commits(Lost::Request).await;
}

#[tokio::test]
async fn fault_09_connection_dies_after_commit() {
    lose_commits(Lost::Answer).await;
}

/// Crashes under load. What was committed without waiting for the disk may be gone with them.
async fn crash_again_and_again(settings: &[(&str, &str)], synchronous_commit: &str) {
    let mut postgres = Own::postgres(settings);
    let stage = Stage::with_database(postgres.url()).await;
    stage.create_topic(6).await;
    let producer = steady_producer(&stage);
    let mut consumer = stage.program("consumer").env("SYNCHRONOUS_COMMIT", synchronous_commit).start();
    for round in 1..=4 {
        let sql = stage.sql().await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        applied(&stage, &sql, before + 1000).await;
        let before = stage.positions(&sql).await.values().sum::<i64>();
        postgres.stop_immediate().unwrap();
        postgres.restart().unwrap();
        let after = stage.positions(&stage.sql().await).await.values().sum::<i64>();
        println!("round {round}: {before} offsets applied before the crash, {after} after it");
        assert!(!consumer.has_ended());
    }
    assert_eq!(producer.terminate(PATIENCE).await, 0);
    assert_eq!(stage.check().await.dead_letters, 0);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_10_database_crashes_under_load() {
    crash_again_and_again(&[], "on").await;
}

/// So seldom is the log of PostgreSQL written that each crash takes what was committed last.
#[tokio::test]
async fn fault_11_database_loses_its_last_commits() {
    crash_again_and_again(&[("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB")], "off").await;
}

#[tokio::test]
async fn fault_10_database_refuses_connections() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::before(&stage.database_url);
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let mut consumer = stage
        .program("consumer")
        .env("DATABASE_URL", proxy.url(&stage.database_url))
        .env("METRICS_LISTEN", &health)
        .start();
    every_partition_has_an_owner(&stage, 1).await;
    readiness(&health, true, PATIENCE).await;
    for round in 0..3 {
        proxy.set(Network::Refuses);
        proxy.cut();
        stage.send(events(round * 400..(round + 1) * 400, 4)).await;
        let body = readiness(&health, false, PATIENCE).await;
        assert!(body.contains("database"), "{body}");
        assert!(!consumer.has_ended());
        proxy.set(Network::Passes);
        all_applied(&stage).await;
        readiness(&health, true, PATIENCE).await;
    }
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Restored from a copy that was made before: the consumer goes back with it, and says so.
#[tokio::test]
async fn fault_11_database_is_restored_under_a_running_consumer() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::before(&stage.database_url);
    let mut consumer = stage.program("consumer").env("DATABASE_URL", proxy.url(&stage.database_url)).start();
    every_partition_has_an_owner(&stage, 1).await;
    stage.send(events(0..400, 4)).await;
    all_applied(&stage).await;
    let name = stage.database_url.rsplit('/').next().unwrap().to_owned();
    let admin = Stage::new().await.sql().await;
    let alone = |database: &str| {
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    };
    proxy.set(Network::Refuses);
    admin.batch_execute(&alone(&name)).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE older_{name} TEMPLATE {name}")).await.unwrap();
    proxy.set(Network::Passes);

    stage.send(events(400..800, 4)).await;
    all_applied(&stage).await;
    proxy.set(Network::Refuses);
    admin.batch_execute(&alone(&name)).await.unwrap();
    admin.batch_execute(&format!("ALTER DATABASE {name} RENAME TO newer_{name}")).await.unwrap();
    admin.batch_execute(&format!("ALTER DATABASE older_{name} RENAME TO {name}")).await.unwrap();
    let back = stage.positions(&stage.sql().await).await.values().sum::<i64>();
    assert_eq!(back, 400, "the copy is older");
    proxy.set(Network::Passes);

    stage.send(events(800..1200, 4)).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (1200, 0));
    consumer.says("position went back", PATIENCE).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Sessions opened meanwhile stay read-only for good: reconnecting is the way out.
#[tokio::test]
async fn fault_12_database_is_read_only() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let health = format!("127.0.0.1:{}", free_port().unwrap());
    let mut consumer = stage.program("consumer").env("METRICS_LISTEN", &health).start();
    every_partition_has_an_owner(&stage, 1).await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    set_read_only(&stage, name, true).await;
    stage.send(events(0..400, 4)).await;
    let body = readiness(&health, false, PATIENCE).await;
    assert!(body.contains("25006"), "{body}");
    assert!(!consumer.has_ended());
    set_read_only(&stage, name, false).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters, dead_letters(&sql).await), (400, 0, 0));
    readiness(&health, true, PATIENCE).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// A member without partitions opens its first session on the database that takes no writes.
#[tokio::test]
async fn fault_12_partitions_taken_over_while_the_database_is_read_only() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let first = idle_consumer(&stage).await;
    let mut second = stage.consumer();
    eventually("two members", PATIENCE, async || (stage.members().await == 2).then_some(())).await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    set_read_only(&stage, name, true).await;
    stage.send(events(0..100, 1)).await;
    first.kill().await;
    let sql = stage.sql().await;
    lanes_are(&sql, 1, "query LIKE '%positions%' OR query LIKE '%ROLLBACK%'").await;
    set_read_only(&stage, name, false).await;
    assert_eq!(stage.check().await.records, 100);
    assert!(!second.has_ended());
    assert_eq!(second.terminate(PATIENCE).await, 0);
}

async fn set_read_only(stage: &Stage, name: &str, on: bool) {
    let sql = stage.sql().await;
    let setting =
        if on { "SET default_transaction_read_only = on" } else { "RESET default_transaction_read_only" };
    sql.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    sql.batch_execute(&format!("ALTER DATABASE {name} {setting}")).await.unwrap();
    if on {
        let ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'food-orders lane'";
        sql.batch_execute(ours).await.unwrap();
    }
}

/// A stage with 400 orders, and a session of the test that holds the row of one of them. `settings` are the database's.
async fn contended(settings: &[&str]) -> (Stage, tokio_postgres::Client, Program) {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let sql = stage.sql().await;
    let name = stage.database_url.rsplit('/').next().unwrap();
    for setting in settings {
        sql.batch_execute(&format!("ALTER DATABASE {name} SET {setting}")).await.unwrap();
    }
    let consumer = idle_consumer(&stage).await;
    stage.send(events(0..400, 4)).await;
    all_applied(&stage).await;
    let other = stage.sql().await;
    (stage, other, consumer)
}

fn paid(orders: std::ops::Range<u32>) -> Vec<end_to_end::harness::Sent> {
    let mut events = events(orders, 4);
    for event in &mut events {
        let text = String::from_utf8(event.value.take().unwrap()).unwrap();
        event.value = Some(text.replace("OrderCreated", "OrderPaid").into_bytes());
    }
    events
}

const HOLD_AN_ORDER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE build_1.orders SET details = details WHERE order_id = 'O-8'";

async fn nothing_was_lost(stage: Stage, consumer: Program) {
    let report = stage.check().await;
    assert_eq!((report.records, report.dead_letters), (800, 0));
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn fault_13_deadlock() {
    let (stage, other, consumer) = contended(&["deadlock_timeout = '3s'"]).await;
    let sql = stage.sql().await;
    // The consumer's session is to be the one that looks for the deadlock, and is ended.
    other.batch_execute("SET deadlock_timeout = '10min'").await.unwrap();
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    stage.send(paid(0..400)).await;
    lanes_are(&sql, 1, "wait_event_type = 'Lock'").await;
    other.batch_execute("SELECT FROM build_1.positions FOR UPDATE").await.unwrap();
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    other.batch_execute("ROLLBACK").await.unwrap();
    eventually("deadlock counted", PATIENCE, async || {
        (sql.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(())
    })
    .await;
    nothing_was_lost(stage, consumer).await;
}

/// Time-outs that the database is given do not reach the consumer: its sessions pin their own.
#[tokio::test]
async fn fault_13_lock_and_statement_time_outs() {
    for setting in ["lock_timeout = '300ms'", "statement_timeout = '300ms'"] {
        let (stage, other, consumer) = contended(&[setting]).await;
        let sql = stage.sql().await;
        other.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await.unwrap();
        other.batch_execute(HOLD_AN_ORDER).await.unwrap();
        stage.send(paid(0..400)).await;
        let outlasting = "wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '2 s'";
        lanes_are(&sql, 1, outlasting).await;
        other.batch_execute("ROLLBACK").await.unwrap();
        nothing_was_lost(stage, consumer).await;
    }
}

#[tokio::test]
async fn fault_13_cancelled_statements() {
    let (stage, other, consumer) = contended(&[]).await;
    let sql = stage.sql().await;
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    let rolled_back = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let before: i64 = sql.query_one(rolled_back, &[]).await.unwrap().get(0);
    stage.send(paid(0..400)).await;
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                  AND application_name = 'food-orders lane' AND wait_event_type = 'Lock'";
    eventually("three attempts", PATIENCE, async || {
        sql.batch_execute(cancel).await.unwrap();
        (sql.query_one(rolled_back, &[]).await.unwrap().get::<_, i64>(0) >= before + 3).then_some(())
    })
    .await;
    other.batch_execute("ROLLBACK").await.unwrap();
    nothing_was_lost(stage, consumer).await;
}

/// Sessions pin READ COMMITTED: what the consumer waits for is changed, and it goes on with the new row.
#[tokio::test]
async fn fault_13_serializable_by_default() {
    let (stage, other, consumer) = contended(&["default_transaction_isolation = 'serializable'"]).await;
    let sql = stage.sql().await;
    other.batch_execute(HOLD_AN_ORDER).await.unwrap();
    stage.send(paid(0..400)).await;
    lanes_are(&sql, 1, "wait_event_type = 'Lock'").await;
    other.batch_execute("COMMIT").await.unwrap();
    nothing_was_lost(stage, consumer).await;
}

#[tokio::test]
async fn fault_13_serialization_failure() {
    let (stage, _, consumer) = contended(&[]).await;
    let sql = stage.sql().await;
    // A sequence counts attempts that are rolled back, too.
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
    stage.send(paid(0..400)).await;
    all_applied(&stage).await;
    let attempts: i64 = sql.query_one("SELECT last_value FROM attempts", &[]).await.unwrap().get(0);
    assert!(attempts > 3, "{attempts} attempts");
    nothing_was_lost(stage, consumer).await;
}

/// By a constraint of the test. Only the database knows of it.
#[tokio::test]
async fn fault_15_value_that_only_the_database_refuses() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "ALTER TABLE build_1.order_history ADD CHECK (order_id NOT IN ('O-7', 'O-400', 'O-401', 'O-1999'))",
    )
    .await
    .unwrap();
    stage.send(events(0..2000, 4)).await;
    stage.catch_up().await;
    // Order n is record n / 4 of partition n modulo 4.
    let report = stage.check_refused(&[(3, 1), (0, 100), (1, 100), (3, 499)]).await;
    assert_eq!((report.records, report.dead_letters, report.orders), (2000, 4, 1996));
    let dead_letters = "SELECT cause, error, order_id FROM public.dead_letters ORDER BY order_id";
    for (row, order_id) in
        sql.query(dead_letters, &[]).await.unwrap().iter().zip(["O-1999", "O-400", "O-401", "O-7"])
    {
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(2)), ("refused_by_database", order_id));
        assert!(row.get::<_, &str>(1).contains("23514"), "{}", row.get::<_, &str>(1));
    }
}

/// What keeps the API's readers waiting does not touch the consumer, whose sessions are its own.
#[tokio::test]
async fn fault_16_connections_of_the_api_exhausted() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let consumer = idle_consumer(&stage).await;
    let api = stage.api().await;
    let sql = stage.sql().await;
    // Every read of the API looks here first; a batch does not.
    sql.batch_execute("BEGIN; LOCK TABLE public.builds IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let requests = (0..30).map(|_| api.get("/orders?limit=5"));
    let answered = futures_util::future::join_all(requests);
    let applied = async {
        stage.send(events(0..400, 4)).await;
        let other = stage.sql().await;
        let query = "SELECT COALESCE(sum(next_offset), 0)::bigint FROM build_1.positions";
        eventually("applied meanwhile", PATIENCE, async || {
            (other.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 400).then_some(())
        })
        .await;
        // Longer than a request waits for a connection.
        for_so_long(Duration::from_secs(3)).await;
        sql.batch_execute("ROLLBACK").await.unwrap();
    };
    let (answers, ()) = futures_util::future::join(answered, applied).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty(), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in &busy {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
    }
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 503));
    api.get("/orders?limit=5").await.ok();
    assert_eq!(stage.check().await.records, 400);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

/// Half open: the connection is there, and nothing arrives. Nobody tells; the bytes were taken by something in between.
#[tokio::test]
async fn fault_10_connections_swallow_everything_and_then_die() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let proxy = Proxy::before(&stage.database_url);
    let consumer = stage.program("consumer").env("DATABASE_URL", proxy.url(&stage.database_url)).start();
    every_partition_has_an_owner(&stage, 1).await;
    for round in 0..3 {
        proxy.set(Network::Swallows);
        stage.send(events(round * 400..(round + 1) * 400, 4)).await;
        for_so_long(Duration::from_secs(2)).await;
        proxy.cut();
        proxy.set(Network::Passes);
        all_applied(&stage).await;
    }
    assert_eq!(stage.check().await.records, 1200);
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}
