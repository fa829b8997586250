//! Builds that are switched and dropped, or that belong to another version or another size limit.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually, free_address, raw};
use reqwest::StatusCode;
use serde_json::json;
use tokio_postgres::Client;

use super::support::{
    count_dead_letters, events, events_named, idle_consumer, wait_for_readiness, wait_until_all_applied,
};

const PROJECTION_VERSION: i32 = 6;

async fn active_version(sql: &Client) -> i32 {
    let select = "SELECT projection_version FROM public.builds WHERE state = 'active'";
    sql.query_one(select, &[]).await.unwrap().get(0)
}

async fn rebuild(stage: &Stage) {
    stage.program("replay-rebuild").succeed(2 * GIVE_UP_AFTER).await;
}

/// The second rebuild drops the build that the idle consumer was started with.
#[tokio::test]
async fn fault_72_idle_consumer_and_two_rebuilds() {
    let stage = Stage::new().await;
    // One of the two lanes has no partition.
    stage.create_topic(1).await;
    let mut consumer = idle_consumer(&stage).await;
    stage.send(events(0..10, 1)).await;
    wait_until_all_applied(&stage).await;
    rebuild(&stage).await;
    rebuild(&stage).await;
    // The record arrives before an idle lane looks, and after it has looked.
    for event in ["OrderPaid", "OrderShipped"] {
        stage.send(events_named(event, 0..10, 1)).await;
        wait_until_all_applied(&stage).await;
        consumer.wait_for_log("another build is active now", GIVE_UP_AFTER).await;
    }
    // An idle consumer looks by itself, without any record.
    let noticed = || consumer.log().matches("another build is active now").count();
    let before = noticed();
    rebuild(&stage).await;
    eventually("the idle consumer has noticed the switch", GIVE_UP_AFTER, async || {
        (noticed() > before).then_some(())
    })
    .await;
    assert!(!consumer.has_ended());
    stage.check().await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// The build is dropped along with the switch, before any lane could look which build is active.
#[tokio::test]
async fn fault_72_build_is_dropped_under_a_busy_consumer() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let mut consumer = idle_consumer(&stage).await;
    stage
        .sql()
        .await
        .batch_execute(
            "CREATE FUNCTION drop_build() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 DROP SCHEMA build_1 CASCADE;
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER drop_build AFTER UPDATE ON public.builds DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW WHEN (NEW.state = 'superseded') EXECUTE FUNCTION drop_build()",
        )
        .await
        .unwrap();
    let sending = async {
        for order in 0.. {
            stage.send(events(order..order + 1, 1)).await;
        }
    };
    tokio::select! {
        () = rebuild(&stage) => {}
        () = sending => {}
    }
    stage.send(events_named("OrderPaid", 0..10, 1)).await;
    stage.check().await;
    consumer.wait_for_log("another build is active now", GIVE_UP_AFTER).await;
    assert!(!consumer.has_ended());
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

#[tokio::test]
async fn fault_38_consumer_of_another_projection_version() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let mut running = idle_consumer(&stage).await;
    let sql = stage.sql().await;
    let set_version = async |version: i32| {
        let statement = "UPDATE public.builds SET projection_version = $1 WHERE state = 'active'";
        sql.execute(statement, &[&version]).await.unwrap();
    };
    let version = active_version(&sql).await;
    set_version(version + 1).await;
    assert_eq!(running.exit_code(GIVE_UP_AFTER).await, PROJECTION_VERSION);
    let mut once = stage.program("consumer").args("--until-caught-up").start();
    assert_eq!(once.exit_code(GIVE_UP_AFTER).await, PROJECTION_VERSION);
    assert!(once.log().contains("run replay-rebuild"), "{}", once.log());

    let address = free_address();
    let mut waiting = stage.program("consumer").env("METRICS_LISTEN", &address).start();
    waiting.wait_for_log("staying out of the group", GIVE_UP_AFTER).await;
    let health = wait_for_readiness(&address, false, GIVE_UP_AFTER).await;
    assert!(health.contains("run replay-rebuild"), "{health}");
    assert_eq!(stage.members().await, 0, "it has joined the group");
    set_version(version).await;
    wait_for_readiness(&address, true, GIVE_UP_AFTER).await;
    stage.send(events(0..10, 1)).await;
    stage.check().await;
    assert_eq!(waiting.terminate(GIVE_UP_AFTER).await, 0);
}

/// The tables of version 1 had another layout. Until a rebuild has made those of this version, the new programs say what
/// to do, and nothing stops them from coming first.
#[tokio::test]
async fn fault_38_upgrade_from_the_tables_of_version_1() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(events(0..10, 1)).await;
    stage.send(events_named("OrderPaid", 0..5, 1)).await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    let rows = async |table: &str| {
        let select = format!("SELECT to_jsonb(t)::text FROM public.{table} AS t ORDER BY 1");
        let rows = sql.query(&select, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    };
    let before = [rows("orders").await, rows("order_history").await];
    sql.batch_execute(include_str!("layout_1.sql")).await.unwrap();
    assert_eq!([rows("orders").await, rows("order_history").await], before, "the test has made other rows");

    let mut consumer = stage.program("consumer").start();
    consumer.wait_for_log("staying out of the group", GIVE_UP_AFTER).await;
    let api = stage.api().await;
    for path in ["/orders", "/orders/O-1", "/orders/O-1/history", "/stats", "/orders?as_of_offsets=0=3"] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
        assert!(answer.body.contains("run replay-rebuild"), "{path}: {}", answer.body);
    }
    api.get("/dead-letters").await.ok();
    rebuild(&stage).await;
    assert_eq!([rows("orders").await, rows("order_history").await], before);
    stage.send(events_named("OrderShipped", 0..10, 1)).await;
    wait_until_all_applied(&stage).await;
    api.get("/orders/O-1/history").await.ok();
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    stage.check().await;
}

/// A rebuild with a larger limit admits records that were dead letters: another projection.
#[tokio::test]
async fn fault_73_rebuild_with_another_size_limit() {
    let (limit, larger) = ("300", 5_000);
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let long = |order: &str| {
        raw(format!(r#"{{"event":"OrderCreated","order_id":"{order}","note":"{}"}}"#, "x".repeat(1000)))
    };
    stage.send(vec![raw(r#"{"event":"OrderCreated","order_id":"A"}"#), long("B")]).await;
    let mut consumer = stage.program("consumer").env("MAX_RECORD_BYTES", limit).start();
    wait_until_all_applied(&stage).await;
    let sql = stage.sql().await;
    assert_eq!(count_dead_letters(&sql).await, 1);

    let mut api = stage.api_with(larger).await;
    api.program.wait_for_log("limit_of_the_build=300", GIVE_UP_AFTER).await;
    let before = api.get("/orders?as_of_offsets=0=2").await.ok();
    let (location, body) = (before.header("content-location").to_owned(), before.body.clone());
    let projection = i64::from(active_version(&sql).await) * 1_000_000_000 + 300;
    assert!(location.ends_with(&format!("projection={projection}")), "{location}");
    assert_eq!(api.get(&location).await.ok().body, body);

    let started = api.post("/rebuilds", r#"{"view":"orders"}"#).await;
    let rebuild = started.header("location").to_owned();
    eventually("the rebuild is active", 2 * GIVE_UP_AFTER, async || {
        let state = api.get(&rebuild).await.ok().json();
        assert_ne!(state["state"], "failed", "{state}");
        (state["state"] == "active").then_some(())
    })
    .await;
    let after = api.get(&location).await;
    assert_eq!(
        (after.status, &after.json()["type"]),
        (StatusCode::GONE, &json!("urn:food-orders:problem:projection-gone"))
    );
    assert_eq!(api.get("/orders/B").await.ok().json()["status"], "pending");

    // The limit of the build counts, whatever the consumer's own is.
    stage.send(vec![long("C")]).await;
    stage.wait_for_status("C", "pending").await;
    assert_eq!(count_dead_letters(&sql).await, 0);
    consumer.wait_for_log("limit_of_the_build=5000", GIVE_UP_AFTER).await;
    stage.check_at(larger).await;
}
