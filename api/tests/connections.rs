use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// How many queries wait for a lock.
async fn waiting(world: &World) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    // Within a transaction, the view shows what it showed first.
    world.client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    world.client.query_one(count, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_finished_after_the_stop() {
    let mut world = World::with_three_orders().await;
    // A writer holds the table that the read needs.
    world.client.batch_execute("BEGIN; LOCK TABLE build_1.orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let url = format!("{}/orders", world.url);
    let request = tokio::spawn(async move { reqwest::get(url).await });
    world.until("the read waits", async || waiting(&world).await > 0).await;
    world.stop.cancel();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    assert!((&mut world.running).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hang_are_cut_off_after_the_drain() {
    let mut world = World::new().await;
    let address = world.url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(
        b"POST /rebuilds HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: 10\r\n\r\n{",
    )
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(9), &mut world.running).await;
    assert!(ended.unwrap().unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_answers_408() {
    let world = World::new().await;
    let address = world.url.strip_prefix("http://").unwrap().to_owned();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"POST /rebuilds HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer s3cret\r\nContent-Length: 10\r\n\r\n{").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_connections_are_busy_the_answer_is_503() {
    let world =
        World::with(&["--api-database-connections", "1", "--kafka-bootstrap-servers", crate::world::NOWHERE])
            .await;
    world.client.batch_execute("BEGIN; LOCK TABLE build_1.orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let url = format!("{}/orders", world.url);
    let first = tokio::spawn(reqwest::get(url));
    world.until("the first waits", async || waiting(&world).await == 1).await;
    let second = world.get("/orders/A").await;
    assert!(second.headers().contains_key("retry-after"));
    crate::world::problem(second, 503).await;
    world.client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(world.get("/health/ready").await.status(), 200, "busy is not broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_no_query_behind() {
    let world =
        World::with(&["--api-database-connections", "1", "--kafka-bootstrap-servers", crate::world::NOWHERE])
            .await;
    world.client.batch_execute("BEGIN; LOCK TABLE build_1.orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut client = TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap();
    client.write_all(b"GET /orders HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    world.until("the read waits", async || waiting(&world).await == 1).await;
    drop(client);
    world.until("its query has ended", async || waiting(&world).await == 0).await;
    // The only connection is free again and usable.
    world.until("others are served", async || world.get("/stats?as_of_offsets=").await.status() == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_may_take_long_leave_connections_to_the_others() {
    let world =
        World::with(&["--api-database-connections", "4", "--kafka-bootstrap-servers", crate::world::NOWHERE])
            .await;
    world
        .client
        .batch_execute("BEGIN; LOCK TABLE build_1.order_history IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let scan = format!("{}/stats?as_of=2100-01-01T00:00:00Z", world.url);
    let scans: Vec<_> = (0..40).map(|_| tokio::spawn(reqwest::get(scan.clone()))).collect();
    world.until("two scans wait for the table", async || waiting(&world).await == 2).await;
    assert_eq!(world.get("/orders/A").await.status(), 404);
    assert_eq!(waiting(&world).await, 2, "the answer did not wait for the scans");
    // Two of them run for as long as the table is locked. The others are refused, at once or after a second.
    let refused = || scans.iter().filter(|scan| scan.is_finished()).count();
    world.until("the others are refused", async || refused() >= 38).await;
    assert_eq!((refused(), waiting(&world).await), (38, 2));
    world.client.batch_execute("COMMIT").await.unwrap();
    for scan in scans {
        let answer = scan.await.unwrap().unwrap();
        match answer.status().as_u16() {
            200 => {}
            503 => assert!(answer.headers().contains_key("retry-after")),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused() {
    let world = World::new().await;
    let mut client = TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap();
    client
        .write_all(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000)).as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
