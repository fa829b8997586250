use serde_json::{Value, json};

use crate::world::World;

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
