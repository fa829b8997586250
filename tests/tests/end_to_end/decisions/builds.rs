//! Decisions hold in every build, those of later rebuilds included.

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually};
use reqwest::StatusCode;

use super::{
    LARGER_LIMIT, LIMIT, catch_up, check, count, dead_letters, large, orders, rebuild, record, retry, small,
};

#[tokio::test]
async fn decisions_reach_every_build_and_survive_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            small("A", "OrderCreated"),
            large("A", "OrderPaid", 2, 300),
            record(r#"{"event":"OrderShipped","order_id":"A","status":"paid"}"#),
            large("B", "OrderCreated", 1, 300),
        ])
        .await;
    catch_up(&stage).await;
    rebuild(&stage).await;
    let (sql, api) = (stage.sql().await, stage.api_with(LARGER_LIMIT).await);
    let before = api.get("/orders/A?as_of_offsets=0=4").await.ok();
    assert_eq!(before.json()["incomplete"], true);

    // Build 1 is superseded and build 2 is active. Both have the dead letters.
    assert_eq!(retry(&api, "0-1").await["decision"], 1);
    let discarded = api.post("/dead-letters/0-2/discard", r#"{"reason":"never shipped"}"#).await.ok();
    assert_eq!(discarded.json()["decision"], 2);
    let expected =
        [(1, "retried".into(), Some(1)), (2, "discarded".into(), Some(2)), (3, "open".into(), None)];
    for build in [1, 2] {
        assert_eq!(dead_letters(&sql, build).await, expected, "build {build}");
        assert_eq!(count(&sql, &format!("build_{build}.order_history WHERE decision = 1")).await, 1);
    }
    assert_eq!(orders(&sql, 1).await, orders(&sql, 2).await);
    check(&stage).await;
    let retried = api.get("/orders/A?as_of_offsets=0=4").await.ok();
    let history = api.get("/orders/A/history").await.ok();

    // The rebuild would refuse the record again, were it not for the decision.
    rebuild(&stage).await;
    assert_eq!(dead_letters(&sql, 3).await, expected);
    assert_eq!(orders(&sql, 3).await, orders(&sql, 2).await);
    check(&stage).await;
    let again = api.get("/orders/A?as_of_offsets=0=4").await.ok();
    assert_eq!((again.header("view-build"), &again.body), ("3", &retried.body));
    assert_eq!(api.get("/orders/A/history").await.ok().body, history.body);
    let past = api.get(before.header("content-location")).await.ok();
    assert_eq!(past.body, before.body, "an answer of before the decisions stays as it was");
    assert_eq!(api.get("/stats").await.ok().json()["open_dead_letters"], 1);
}

#[tokio::test]
async fn decisions_during_a_rebuild_are_neither_lost_nor_doubled() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let order = |n: usize| format!("ORD-{}", n % 50);
    let mut records = Vec::new();
    for n in 0..40_000 {
        records.push(small(&order(n), "OrderCreated"));
        if n % 200 == 0 {
            records.push(large(&order(n), "OrderPaid", 2 + n as u32, 300));
        }
    }
    stage.send(records).await;
    catch_up(&stage).await;
    let mut consumer = stage.program("consumer").env("MAX_RECORD_BYTES", LIMIT).start();
    consumer.wait_for_log("assigned", GIVE_UP_AFTER).await;
    let (sql, api) = (stage.sql().await, stage.api_with(LARGER_LIMIT).await);
    assert_eq!(count(&sql, "build_1.dead_letters WHERE state = 'open'").await, 200);

    // One by one, so that there are decisions in every state of the rebuild.
    let deciding = async {
        let rows = sql.query("SELECT \"offset\" FROM build_1.dead_letters ORDER BY 1", &[]).await.unwrap();
        for (index, row) in rows.iter().enumerate() {
            let id = format!("0-{}", row.get::<_, i64>(0));
            let (action, body) = match index % 5 {
                0 => ("discard", r#"{"reason":"a test"}"#),
                _ => ("retry", ""),
            };
            // The API answers 503 while the rebuild holds a lock, for example to create an index.
            eventually("the decision is taken", GIVE_UP_AFTER, async || {
                let answer = api.post(&format!("/dead-letters/{id}/{action}"), body).await;
                assert!(
                    [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status),
                    "{}",
                    answer.body
                );
                (answer.status == StatusCode::OK).then_some(())
            })
            .await;
            if index % 20 == 0 {
                stage.send(vec![small(&order(index), "OrderShipped")]).await;
            }
        }
    };
    tokio::join!(deciding, rebuild(&stage));
    eventually("all records are applied", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == stage.ends().await).then_some(())
    })
    .await;
    check(&stage).await;
    assert_eq!(count(&sql, "public.decisions").await, 200);
    assert_eq!(count(&sql, "public.dead_letters WHERE state = 'open'").await, 0);
    assert_eq!(count(&sql, "public.order_history WHERE decision IS NOT NULL").await, 160);
    // The next rebuild finds all decisions already taken.
    rebuild(&stage).await;
    eventually("the consumer has applied everything to the new build", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == stage.ends().await).then_some(())
    })
    .await;
    check(&stage).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}
