use serde_json::json;

use crate::world::{World, header};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_a_bare_object_with_all_its_fields() {
    let world = World::with_three_orders().await;
    assert_eq!(
        world.json("/orders/A").await,
        json!({
            "order_id": "A", "status": "paid", "last_updated": "2026-01-01T00:00:09Z", "sequence": 2,
            "customer_id": "c1", "restaurant_id": "r1", "total_cents": 1900, "currency": null,
            "created_at": "2026-01-01T00:00:01Z", "paid_at": "2026-01-01T00:00:09Z", "shipped_at": null,
            "delivered_at": null, "cancelled_at": null, "payment_method": "card", "courier_id": null,
            "cancel_reason": null, "details": {"items": [{"name": "Margherita", "quantity": 2}]}, "incomplete": false,
        })
    );
    assert_eq!(world.json("/orders/C").await["details"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_order_is_a_problem_with_the_headers_of_a_read() {
    let world = World::with_three_orders().await;
    let response = world.get("/orders/none").await;
    assert_eq!(header(&response, "applied-offsets"), "0=3,1=2");
    assert_eq!(crate::world::problem(response, 404).await, "order \"none\" does not exist");
    world.problem(&format!("/orders/{}", "x".repeat(129)), 400).await;
    world.problem("/orders/%00", 400).await;
    world.problem("/orders/%ff", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_may_be_any_text() {
    let mut world = World::new().await;
    world.append(0, 1, r#"{"event":"OrderCreated","order_id":"a/b ?ä"}"#).await;
    assert_eq!(world.json("/orders/a%2Fb%20%3F%C3%A4").await["order_id"], "a/b ?ä");
    let now = world.json("/orders/a%2Fb%20%3F%C3%A4?as_of_offsets=0=1").await;
    assert_eq!(now["order_id"], "a/b ?ä");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_says_how_fresh_it_is() {
    let mut world = World::with_three_orders().await;
    world.dead_letter(1, 6, Some("A")).await;
    world.dead_letter(1, 7, None).await;
    for path in ["/orders", "/orders/A", "/orders/A/history", "/stats", "/lag"] {
        let response = world.get(path).await;
        let headers = ["applied-offsets", "view-build", "open-dead-letters", "lag-events", "lag-seconds"];
        let values = headers.map(|name| header(&response, name).to_owned());
        assert_eq!(values, ["0=3,1=4", "1", "2", "unknown", "unknown"], "{path}");
    }
    assert_eq!(world.json("/orders/A").await["incomplete"], true);
    assert_eq!(world.json("/orders/B").await["incomplete"], false);
}
