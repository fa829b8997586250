use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn records_come_in_log_order_and_say_what_they_changed() {
    let mut world = World::new().await;
    let created =
        r#"{"event":"OrderCreated","order_id":"A","event_id":"e1","customer_id":"c1","note":"ring"}"#;
    // The payment was appended first, on another partition.
    world.append(1, 1, r#"{"event":"OrderPaid","order_id":"A","payment_method":"card"}"#).await;
    world.append(0, 2, created).await;
    world.append(0, 3, created).await;
    let history = world.json("/orders/A/history").await;
    assert_eq!((&history["order_id"], &history["next_cursor"]), (&json!("A"), &Value::Null));
    let records = history["records"].as_array().unwrap();
    assert_eq!(
        records[0],
        json!({
            "event": "OrderPaid", "status": "paid", "sequence": 2, "event_id": "e-1-0",
            "occurred_at": "2026-01-01T00:00:01Z", "appended_at": "2026-01-01T00:00:01Z", "partition": 1, "offset": 0,
            "details": {"payment_method": "card"}, "trace_id": null, "decision": null,
            "changed": {
                "status": {"from": null, "to": "paid"}, "sequence": {"from": null, "to": 2},
                "last_updated": {"from": null, "to": "2026-01-01T00:00:01Z"},
                "paid_at": {"from": null, "to": "2026-01-01T00:00:01Z"},
                "payment_method": {"from": null, "to": "card"},
            },
        })
    );
    assert_eq!(
        records[1]["changed"],
        json!({
            "created_at": {"from": null, "to": "2026-01-01T00:00:02Z"}, "customer_id": {"from": null, "to": "c1"},
            "details.note": {"from": null, "to": "ring"},
        }),
        "late: it does not change the status"
    );
    assert_eq!(records[2]["changed"], json!({}), "a duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fold_on_from_where_the_last_one_ended() {
    let mut world = World::new().await;
    for n in 1..=7 {
        let event = ["OrderCreated", "OrderPaid", "OrderShipped"][n % 3];
        world
            .append(
                (n % 2) as i32,
                n as i64,
                &format!(r#"{{"event":"{event}","order_id":"A","sequence":{n},"n":{n}}}"#),
            )
            .await;
    }
    let whole = world.json("/orders/A/history").await;
    let (mut paged, mut url) = (Vec::new(), "/orders/A/history?limit=2".to_owned());
    loop {
        let page = world.json(&url).await;
        paged.extend(page["records"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => url = format!("/orders/A/history?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(json!(paged), whole["records"]);
    assert_eq!(paged.len(), 7);
    world.problem("/orders/B/history", 404).await;
    world.problem("/orders/A/history?limit=0", 400).await;
}
