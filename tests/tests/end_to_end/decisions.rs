//! What operators decide about dead letters holds in every build, now and after a rebuild.

use std::collections::BTreeMap;

use end_to_end::harness::{Api, PATIENCE, Sent, Stage, eventually, raw};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_postgres::Client;

/// Of the consumers: what is larger becomes a dead letter. The API of these tests has a larger one.
const LIMIT: &str = "200";
const LARGER: usize = 1_000_000;

/// An event that is too large for the consumers by `bytes` of a note.
fn large(order_id: &str, event: &str, sequence: u32, bytes: usize) -> Sent {
    let note = "x".repeat(bytes);
    to(0, format!(r#"{{"event":"{event}","order_id":"{order_id}","sequence":{sequence},"note":"{note}"}}"#))
}

fn small(order_id: &str, event: &str) -> Sent {
    to(0, format!(r#"{{"event":"{event}","order_id":"{order_id}"}}"#))
}

fn to(partition: i32, value: impl Into<Vec<u8>>) -> Sent {
    Sent { partition: Some(partition), headers: vec![("schema-version", "1")], ..raw(value.into()) }
}

async fn catch_up(stage: &Stage) {
    stage
        .program("consumer")
        .env("MAX_RECORD_BYTES", LIMIT)
        .args("--until-caught-up")
        .succeed(PATIENCE)
        .await;
}

async fn rebuild(stage: &Stage) {
    stage.program("replay-rebuild").env("MAX_RECORD_BYTES", LIMIT).succeed(PATIENCE).await;
}

async fn check(stage: &Stage) {
    stage.check_at(LIMIT.parse().unwrap()).await;
}

/// All columns of the orders, by id, but for what only the upsert reads.
async fn orders(sql: &Client, build: i64) -> BTreeMap<String, Value> {
    let select = format!("SELECT order_id, to_jsonb(o) - 'first_sequence' FROM build_{build}.orders o");
    let rows = sql.query(&select, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Of a build: the dead letters' states and decisions.
async fn dead_letters(sql: &Client, build: i64) -> Vec<(i64, String, Option<i64>)> {
    let select = format!("SELECT \"offset\", state, decision FROM build_{build}.dead_letters ORDER BY 1");
    sql.query(&select, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn count(sql: &Client, from: &str) -> i64 {
    sql.query_one(&format!("SELECT count(*) FROM {from}"), &[]).await.unwrap().get(0)
}

async fn retry(api: &Api, id: &str) -> Value {
    api.post(&format!("/dead-letters/{id}/retry"), "").await.ok().json()
}

#[tokio::test]
async fn a_retry_ends_in_the_rows_of_a_clean_run() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            small("A", "OrderCreated"),
            large("A", "OrderPaid", 2, 500),
            small("A", "OrderShipped"),
            // Known only by its dead letter, and longer than a dead letter keeps.
            large("B", "OrderCreated", 1, 100_000),
            // Outranked, and outranking.
            small("C", "OrderPaid"),
            large("C", "OrderPaid", 1, 300),
            large("C", "OrderCancelled", 9, 300),
        ])
        .await;
    catch_up(&stage).await;
    check(&stage).await;
    let api = stage.api_with(LARGER).await;
    assert_eq!(
        api.get("/dead-letters?state=open&cause=too_large").await.ok().header("open-dead-letters"),
        "4"
    );
    for id in ["0-6", "0-1", "0-3", "0-5"] {
        let dead_letter = retry(&api, id).await;
        assert_eq!(
            (&dead_letter["state"], &dead_letter["payload_is_cut"]),
            (&json!("retried"), &json!(id == "0-3"))
        );
        check(&stage).await;
    }
    // The same log, with the larger limit from the beginning.
    let mut clean = Stage::new().await;
    clean.kafka = stage.kafka.clone();
    clean.catch_up().await;
    assert_eq!(orders(&stage.sql().await, 1).await, orders(&clean.sql().await, 1).await);
    stage.check_with(&api, 20).await;
    let order = api.get("/orders/C").await.ok().json();
    assert_eq!((&order["status"], &order["sequence"]), (&json!("cancelled"), &json!(9)));
}

#[tokio::test]
async fn decisions_reach_every_build_and_outlive_a_rebuild() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            small("A", "OrderCreated"),
            large("A", "OrderPaid", 2, 300),
            to(0, r#"{"event":"OrderShipped","order_id":"A","status":"paid"}"#),
            large("B", "OrderCreated", 1, 300),
        ])
        .await;
    catch_up(&stage).await;
    rebuild(&stage).await;
    let (sql, api) = (stage.sql().await, stage.api_with(LARGER).await);
    let before = api.get("/orders/A?as_of_offsets=0=4").await.ok();
    assert_eq!(before.json()["incomplete"], true);

    // Build 1 is superseded, build 2 active: both have the dead letters.
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

    // By programs that would refuse the record again, if nobody had decided.
    rebuild(&stage).await;
    assert_eq!(dead_letters(&sql, 3).await, expected);
    assert_eq!(orders(&sql, 3).await, orders(&sql, 2).await);
    check(&stage).await;
    let again = api.get("/orders/A?as_of_offsets=0=4").await.ok();
    assert_eq!((again.header("view-build"), &again.body), ("3", &retried.body));
    assert_eq!(api.get("/orders/A/history").await.ok().body, history.body);
    let past = api.get(before.header("content-location")).await.ok();
    assert_eq!(past.body, before.body, "as it was before the decisions");
    assert_eq!(api.get("/stats").await.ok().json()["open_dead_letters"], 1);
}

#[tokio::test]
async fn decisions_are_safe_beside_a_consumer_and_a_rebuild() {
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
    consumer.says("assigned", PATIENCE).await;
    let (sql, api) = (stage.sql().await, stage.api_with(LARGER).await);
    assert_eq!(count(&sql, "build_1.dead_letters WHERE state = 'open'").await, 200);

    // One by one, so that decisions meet the rebuild in all of its phases.
    let deciding = async {
        let rows = sql.query("SELECT \"offset\" FROM build_1.dead_letters ORDER BY 1", &[]).await.unwrap();
        for (index, row) in rows.iter().enumerate() {
            let id = format!("0-{}", row.get::<_, i64>(0));
            let (act, body) = match index % 5 {
                0 => ("discard", r#"{"reason":"a test"}"#),
                _ => ("retry", ""),
            };
            // Such as while a rebuild makes an index.
            eventually(act, PATIENCE, async || {
                let answer = api.post(&format!("/dead-letters/{id}/{act}"), body).await;
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
    eventually("everything applied", PATIENCE, async || {
        (stage.positions(&sql).await == stage.ends().await).then_some(())
    })
    .await;
    check(&stage).await;
    assert_eq!(count(&sql, "public.decisions").await, 200);
    assert_eq!(count(&sql, "public.dead_letters WHERE state = 'open'").await, 0);
    assert_eq!(count(&sql, "public.order_history WHERE decision IS NOT NULL").await, 160);
    // And once more, from the decisions alone.
    rebuild(&stage).await;
    eventually("the consumer on the new build", PATIENCE, async || {
        (stage.positions(&sql).await == stage.ends().await).then_some(())
    })
    .await;
    check(&stage).await;
    assert_eq!(consumer.terminate(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_record_that_is_gone_from_the_log_cannot_be_retried() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![large("A", "OrderCreated", 1, 100_000), large("B", "OrderCreated", 1, 300)]).await;
    catch_up(&stage).await;
    stage.delete_records(0, 1).await;
    let api = stage.api_with(LARGER).await;
    let gone = api.post("/dead-letters/0-0/retry", "").await;
    assert_eq!(
        (gone.status, &gone.json()["type"]),
        (StatusCode::CONFLICT, &json!("urn:food-orders:problem:record-gone"))
    );
    // One that is kept whole needs no log.
    let report = api.post("/dead-letters/retry?cause=too_large", "").await.ok().json();
    assert_eq!((&report["applied"], &report["gone"]), (&json!(1), &json!(1)), "{report}");
    let sql = stage.sql().await;
    assert_eq!(dead_letters(&sql, 1).await, [(0, "open".into(), None), (1, "retried".into(), Some(1))]);
}

#[tokio::test]
async fn the_command_line_does_what_the_api_does() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            large("A", "OrderCreated", 1, 300),
            to(0, "so what\u{1b}[2J"),
            large("A", "OrderPaid", 2, 300),
            to(0, [0xff]),
        ])
        .await;
    catch_up(&stage).await;
    let run = async |arguments: &str, limit: usize| {
        let consumer = stage.program("consumer").env("MAX_RECORD_BYTES", limit.to_string()).args(arguments);
        // The log as well goes to the same place.
        consumer.env("LOG_LEVEL", "error").succeed(PATIENCE).await
    };
    let list = run("dead-letters list", LARGER).await;
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(list.lines().next().unwrap().contains("0-0"), "{list}");
    assert_eq!(run("dead-letters list --cause bad_json --limit 1", LARGER).await.lines().count(), 1);
    let shown = run("dead-letters show 0-1", LARGER).await;
    assert!(shown.contains("so what\\u{1b}[2J") && shown.contains("schema-version: 1"), "{shown}");
    assert!(run("dead-letters show 0-3", LARGER).await.contains("(base64) /w=="));
    let json: Value = serde_json::from_str(&run("dead-letters show 0-3 --json", LARGER).await).unwrap();
    assert_eq!((&json["payload"], &json["payload_encoding"]), (&json!("/w=="), &json!("base64")));

    assert!(run("dead-letters retry 0-0 --reason larger", LARGER).await.contains("decision 1"));
    let report: Value =
        serde_json::from_str(&run("dead-letters retry --cause too_large", LARGER).await).unwrap();
    assert_eq!((&report["retried"], &report["applied"]), (&json!(1), &json!(1)), "{report}");
    assert!(run("dead-letters discard 0-1 --reason nonsense", LARGER).await.contains("decision 3"));
    for (arguments, code) in [
        ("dead-letters retry 0-3", 1),
        ("dead-letters retry 0-0", 1),
        ("dead-letters show 0-9", 1),
        ("dead-letters show nine", 2),
        ("dead-letters discard 0-3", 2),
        ("dead-letters list --cause none", 2),
        ("dead-letters retry", 2),
    ] {
        let mut refused = stage.program("consumer").args(arguments).start();
        assert_eq!(refused.exit_code(PATIENCE).await, code, "{arguments}: {}", refused.log());
    }
    let export = run("decisions export", LARGER).await;
    let decisions: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decisions.len(), 3, "{export}");
    assert_eq!(
        (
            &decisions[2]["kind"],
            &decisions[2]["from_offset"],
            &decisions[2]["reason"],
            &decisions[2]["cause"]
        ),
        (&json!("discard"), &json!(1), &json!("nonsense"), &json!("bad_json"))
    );
    check(&stage).await;
    let sql = stage.sql().await;
    assert_eq!(stage.status(&sql, "A").await.as_deref(), Some("paid"));
}
