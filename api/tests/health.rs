use std::time::Duration;

use api::App;
use serde_json::json;
use service::{Health, Metrics};
use tokio_util::sync::CancellationToken;

use crate::world::{NOWHERE, World, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_started_api_is_ready_without_kafka() {
    let world = World::new().await;
    assert_eq!(
        world.json("/health/ready").await,
        json!({"status": "ok", "checks": {"started": "ok", "database": "ok"}})
    );
    assert_eq!(world.json("/health/live").await["status"], "ok");
    assert_eq!(world.json("/health/started").await["status"], "ok");
    assert_eq!(world.get("/metrics").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_it_waits_and_says_so() {
    let url = "postgres://kafka_user:hunter2@127.0.0.1:1/food_orders";
    let health = Health::default();
    let settings = settings(url, &["--kafka-bootstrap-servers", NOWHERE]);
    let app = App::bind(&settings, health, Metrics::detached().unwrap()).await.unwrap();
    let base = format!("http://{}", app.address());
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone(), Duration::from_secs(1)));
    let ready = reqwest::get(format!("{base}/health/ready")).await.unwrap();
    assert_eq!(ready.status(), 503);
    let body = ready.text().await.unwrap();
    assert!(!body.contains("hunter2"), "{body}");
    assert_eq!(reqwest::get(format!("{base}/health/started")).await.unwrap().status(), 503);
    assert_eq!(reqwest::get(format!("{base}/health/live")).await.unwrap().status(), 200);
    let orders = reqwest::get(format!("{base}/orders")).await.unwrap();
    assert!(orders.headers().contains_key("retry-after"));
    crate::world::problem(orders, 503).await;
    stop.cancel();
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_others_end_it() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE public.orders (id integer)").await.unwrap();
    let settings = settings(&url, &["--kafka-bootstrap-servers", NOWHERE]);
    let app = App::bind(&settings, Health::default(), Metrics::detached().unwrap()).await.unwrap();
    let failure = app.run(CancellationToken::new(), Duration::from_secs(1)).await.unwrap_err();
    assert!(failure.message.contains("public.orders"), "{}", failure.message);
}
