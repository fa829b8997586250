//! Retrying a dead letter.

use end_to_end::harness::Stage;
use reqwest::StatusCode;
use serde_json::json;

use super::{LARGER_LIMIT, catch_up, check, dead_letters, large, orders, retry, small};

#[tokio::test]
async fn retries_lead_to_the_rows_of_a_run_without_dead_letters() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            small("A", "OrderCreated"),
            large("A", "OrderPaid", 2, 500),
            small("A", "OrderShipped"),
            // This order has no other event, and its record is longer than what a dead letter keeps.
            large("B", "OrderCreated", 1, 100_000),
            // One of these has a lower sequence than the order's row, the other a higher one.
            small("C", "OrderPaid"),
            large("C", "OrderPaid", 1, 300),
            large("C", "OrderCancelled", 9, 300),
        ])
        .await;
    catch_up(&stage).await;
    check(&stage).await;
    let api = stage.api_with(LARGER_LIMIT).await;
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
    // The same log, applied with the larger limit from the beginning.
    let mut undisturbed = Stage::new().await;
    undisturbed.kafka = stage.kafka.clone();
    undisturbed.catch_up().await;
    assert_eq!(orders(&stage.sql().await, 1).await, orders(&undisturbed.sql().await, 1).await);
    stage.check_with(&api, 20).await;
    let order = api.get("/orders/C").await.ok().json();
    assert_eq!((&order["status"], &order["sequence"]), (&json!("cancelled"), &json!(9)));
}

#[tokio::test]
async fn a_record_that_was_deleted_from_the_log_cannot_be_retried() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![large("A", "OrderCreated", 1, 100_000), large("B", "OrderCreated", 1, 300)]).await;
    catch_up(&stage).await;
    stage.delete_records(0, 1).await;
    let api = stage.api_with(LARGER_LIMIT).await;
    let gone = api.post("/dead-letters/0-0/retry", "").await;
    assert_eq!(
        (gone.status, &gone.json()["type"]),
        (StatusCode::CONFLICT, &json!("urn:food-orders:problem:record-gone"))
    );
    // The other dead letter keeps the entire record, and needs no log.
    let report = api.post("/dead-letters/retry?cause=too_large", "").await.ok().json();
    assert_eq!((&report["applied"], &report["gone"]), (&json!(1), &json!(1)), "{report}");
    let sql = stage.sql().await;
    assert_eq!(dead_letters(&sql, 1).await, [(0, "open".into(), None), (1, "retried".into(), Some(1))]);
}
