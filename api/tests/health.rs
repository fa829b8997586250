use std::time::Duration;

use api::App;
use serde_json::{Value, json};
use service::{Health, Metrics};
use tokio_util::sync::CancellationToken;

use crate::world::{Api, NOWHERE, World, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_started_api_is_ready_without_kafka() {
    let world = World::new().await;
    let ready = world.json("/health/ready").await;
    assert_eq!(
        (&ready["status"], &ready["checks"]["started"], &ready["checks"]["database"]),
        (&json!("ok"), &json!("ok"), &json!("ok"))
    );
    assert_eq!(world.json("/health/live").await["status"], "ok");
    assert_eq!(world.json("/health/started").await["status"], "ok");
    assert_eq!(world.get("/metrics").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_watch_beats() {
    let world = World::new().await;
    let live = world.json("/health/live").await;
    let watches: Vec<_> = live["checks"].as_object().unwrap().iter().collect();
    let ok = json!("ok");
    assert_eq!(
        watches,
        ["database watch", "end-offset watch", "rebuild watch", "topic watch"]
            .map(String::from)
            .iter()
            .map(|name| (name, &ok))
            .collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_overdue_turns_live_and_ready_red() {
    let world = World::new().await;
    world.health.beat("a watch that hangs", Duration::ZERO);
    for probe in ["/health/live", "/health/ready"] {
        let answer = world.get(probe).await;
        assert_eq!(answer.status(), 503, "{probe}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["status"], "failing");
        assert!(body["checks"]["a watch that hangs"].as_str().unwrap().contains("overdue"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_api_waits_and_says_so() {
    let url = "postgres://kafka_user:hunter2@127.0.0.1:1/food_orders";
    let mut api = Api::start(url, &["--kafka-bootstrap-servers", NOWHERE]).await;
    let ready = api.get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    let body = ready.text().await.unwrap();
    assert!(!body.contains("hunter2"), "{body}");
    assert_eq!(api.get("/health/started").await.status(), 503);
    assert_eq!(api.get("/health/live").await.status(), 200);
    let orders = api.get("/orders").await;
    assert!(orders.headers().contains_key("retry-after"));
    crate::world::problem(orders, 503).await;
    api.stop.cancel();
    assert!((&mut api.running).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_tables_end_the_api() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE public.orders (id integer)").await.unwrap();
    let settings = settings(&url, &["--kafka-bootstrap-servers", NOWHERE]);
    let app = App::bind(&settings, Health::default(), Metrics::detached().unwrap()).await.unwrap();
    let running = Box::pin(app.run(CancellationToken::new(), Duration::from_secs(1)));
    let failure = running.await.unwrap_err();
    assert!(failure.message.contains("public.orders"), "{}", failure.message);
}
