use std::time::{Duration, Instant};

use crate::world::{World, problem};

const CREATED: &str = r#"{"event":"OrderCreated","order_id":"A"}"#;
const PAID: &str = r#"{"event":"OrderPaid","order_id":"A"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_until_the_write_is_applied() {
    let mut world = World::new().await;
    world.append(0, 1, CREATED).await;
    assert_eq!(world.json("/orders/A?after=0=1").await["status"], "pending", "applied already");
    let url = "/orders/A?after=0=2&wait_ms=20000";
    let read = tokio::spawn(world.request(reqwest::Method::GET, url).send());
    let history = tokio::spawn(
        world.request(reqwest::Method::GET, "/orders/A/history?as_of_offsets=0=2&wait_ms=20000").send(),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!read.is_finished() && !history.is_finished(), "they wait");
    world.append(0, 2, PAID).await;
    let order: serde_json::Value = read.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(order["status"], "paid");
    let records: serde_json::Value = history.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(records["records"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_bounded() {
    let mut world = World::new().await;
    world.append(0, 1, CREATED).await;
    for path in
        ["/orders", "/orders/A", "/orders/A/history", "/stats", "/lag", "/dead-letters", "/dead-letters/0-0"]
    {
        let began = Instant::now();
        let detail = problem(world.get(&format!("{path}?after=0=2&wait_ms=50")).await, 504).await;
        assert!(detail.contains("0=2") && detail.contains("0=1"), "{path}: {detail}");
        assert!(began.elapsed() < Duration::from_secs(10), "{path}");
    }
    // A cut beyond what is applied waits only if wait_ms is given.
    world.problem("/orders/A?as_of_offsets=0=2", 409).await;
    world.problem("/orders/A?as_of_offsets=0=2&wait_ms=20", 504).await;
}
