use serde_json::{Value, json};

use crate::kafka::Topic;
use crate::world::{World, header};

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_positions_are_known_and_ends_are_not() {
    let world = World::with_three_orders().await;
    let lag = world.json("/lag").await;
    let view = &lag["views"][0];
    assert_eq!(
        (&view["view"], &view["build"], &view["events_behind"]),
        (&json!("orders"), &json!(1), &Value::Null)
    );
    assert_eq!(
        view["partitions"][0],
        json!({
            "partition": 0, "applied": 3, "end": null, "events_behind": null, "seconds_behind": null,
            "last_appended_at": "2026-01-01T00:00:05Z",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_kafka_the_lag_is_what_the_log_has_and_the_view_has_not() {
    let topic = Topic::new(1).await;
    topic.create_orders(&["A", "B"]).await;
    let mut world = World::with(&topic.flags()).await;
    let lag = async |events: &str| {
        let response = world.get("/orders").await;
        header(&response, "lag-events") == events
    };
    world.until("two events behind", async || lag("2").await).await;
    let body = world.json("/lag").await;
    assert_eq!(body["views"][0]["partitions"][0]["applied"], 0);
    assert_eq!(body["views"][0]["partitions"][0]["end"], 2);
    world.append(0, 1, r#"{"event":"OrderCreated","order_id":"A"}"#).await;
    assert_eq!(header(&world.get("/orders").await, "lag-events"), "1");
    world.append(0, 2, r#"{"event":"OrderCreated","order_id":"B"}"#).await;
    let level = world.get("/orders/B").await;
    assert_eq!((header(&level, "lag-events"), header(&level, "lag-seconds")), ("0", "0.000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_another_log_are_not_the_lag() {
    let topic = Topic::new(1).await;
    topic.create_orders(&["A", "B"]).await;
    let world = World::with(&topic.flags()).await;
    let lag = async || header(&world.get("/orders").await, "lag-events").to_owned();
    world.until("the ends are known", async || lag().await == "2").await;
    let other =
        "INSERT INTO build_1.log_identity (cluster_id, topic, partitions) VALUES ('another', 'another', 1)";
    world.client.batch_execute(other).await.unwrap();
    world.until("the lag is unknown", async || lag().await == "unknown").await;
    let ready = world.json("/health/ready").await;
    assert!(ready["checks"]["log"].as_str().unwrap().contains("made from topic another"), "{ready}");
    world.client.batch_execute("DELETE FROM build_1.log_identity").await.unwrap();
    world.until("the lag is known", async || lag().await == "2").await;
}
