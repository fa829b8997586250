use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn totals_now_and_then() {
    let mut world = World::with_three_orders().await;
    world.dead_letter(0, 6, None).await;
    let by_status = |pending, paid, cancelled| json!({"pending": pending, "paid": paid, "shipped": 0, "delivered": 0, "cancelled": cancelled});
    assert_eq!(
        world.json("/stats").await,
        json!({"by_status": by_status(1, 1, 1), "orders": 3, "records": 5, "open_dead_letters": 1, "warnings": []})
    );
    assert_eq!(
        world.json("/stats?as_of=2026-01-01T00:00:03Z").await,
        json!({"by_status": by_status(1, 1, 0), "orders": 2, "records": 3, "open_dead_letters": 0})
    );
    assert_eq!(
        world.json("/stats?as_of_offsets=").await,
        json!({"by_status": by_status(0, 0, 0), "orders": 0, "records": 0, "open_dead_letters": 0})
    );
}
