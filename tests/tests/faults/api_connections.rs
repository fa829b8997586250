//! Fault 16: all database connections of the API are busy.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};

use crate::support::{events, hold_for, idle_consumer, wait_until_all_applied};

/// The consumer has sessions of its own, so it does not wait for the API's.
#[tokio::test]
async fn fault_16_connections_of_the_api_exhausted() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    let consumer = idle_consumer(&stage).await;
    let api = stage.api().await;
    let sql = stage.sql().await;
    // A lane reads the decisions after it has claimed its partitions, so no lane still has to read them.
    stage.send(events(0..4, 4)).await;
    wait_until_all_applied(&stage).await;
    // Every read of the API begins with this table. A batch of the active build does not use it, nor does the look of an
    // idle lane at its session.
    sql.batch_execute("BEGIN; LOCK TABLE public.decisions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let requests = (0..30).map(|_| api.get("/orders?limit=5"));
    let answered = futures_util::future::join_all(requests);
    let applied = async {
        stage.send(events(4..400, 4)).await;
        let other = stage.sql().await;
        let query = "SELECT COALESCE(sum(next_offset), 0)::bigint FROM build_1.positions";
        eventually("400 offsets are applied", GIVE_UP_AFTER, async || {
            (other.query_one(query, &[]).await.unwrap().get::<_, i64>(0) == 400).then_some(())
        })
        .await;
        // Longer than a request waits for a connection.
        hold_for(Duration::from_secs(3)).await;
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
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
