//! Fault 57: the server ends a session that holds an advisory lock.

use std::time::{Duration, Instant};

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};
use tokio_postgres::Client;

use crate::support::{events, hold_for, idle_consumer};

/// Ends the sessions with this name, and returns their pids.
async fn end_sessions(sql: &Client, name: &str) -> Vec<i32> {
    let query = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = $1";
    sql.query(query, &[&name]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn fault_57_lock_of_a_rebuild_is_lost() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    stage.send(events(0..200, 2)).await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    let mut api = stage.api().await;
    // The rebuild cannot finish while somebody reads a public view in a long transaction.
    let reader = stage.sql().await;
    reader.batch_execute("BEGIN; SELECT FROM public.orders").await.unwrap();
    let accepted = api.post("/rebuilds", r#"{"view":"orders"}"#).await;
    assert_eq!(accepted.status.as_u16(), 202, "{}", accepted.body);
    let state = "SELECT state, runner FROM public.rebuilds";
    eventually("the rebuild waits for the reader", GIVE_UP_AFTER, async || {
        let row = sql.query_one(state, &[]).await.unwrap();
        (row.get::<_, &str>(0) == "switching").then_some(())
    })
    .await;
    let runner: String = sql.query_one(state, &[]).await.unwrap().get(1);
    let mut ended = end_sessions(&sql, "food-orders rebuild lock").await;
    assert_eq!(ended.len(), 1);
    // Again and again, for longer than the 5 s after which the API looks for rebuilds that nobody drives.
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        hold_for(Duration::from_millis(50)).await;
        ended.extend(end_sessions(&sql, "food-orders rebuild lock").await);
    }
    // A session that is being ended is still listed.
    let locks = "SELECT FROM pg_stat_activity WHERE pid <> ALL($1)
                 AND datname = current_database() AND application_name = 'food-orders rebuild lock'";
    eventually("the lock is taken again", GIVE_UP_AFTER, async || {
        (sql.query(locks, &[&ended]).await.unwrap().len() == 1).then_some(())
    })
    .await;
    reader.batch_execute("ROLLBACK").await.unwrap();
    eventually("the rebuild is switched in", GIVE_UP_AFTER, async || {
        let row = sql.query_one(state, &[]).await.unwrap();
        (row.get::<_, &str>(0) == "active").then_some(())
    })
    .await;
    let row = sql.query_one(state, &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(1), runner, "the same run has finished it");
    assert!(!api.program.log().contains("continuing a rebuild"), "it must not be adopted");
    assert!(!api.program.has_ended());
    stage.check().await;
}

#[tokio::test]
async fn fault_57_lock_of_the_deployment_is_lost() {
    let stage = Stage::new().await;
    stage.create_topic(2).await;
    let sql = stage.sql().await;
    let mut consumer = idle_consumer(&stage).await;
    assert_eq!(end_sessions(&sql, "food-orders deployment").await.len(), 1);
    consumer.wait_for_log("still belongs to this group", GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
