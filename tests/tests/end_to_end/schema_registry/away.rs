//! A registry that is away, or that is none: records wait for it, unless their schemas are kept.

use std::time::{Duration, Instant};

use end_to_end::harness::{
    GIVE_UP_AFTER, OwnServer, Schemas, Stage, eventually, free_address, raw, repository,
};
use reqwest::StatusCode;
use tokio::net::TcpListener;

use super::{catch_up, dead_letters, produce, tables, with_registry};

/// Waits until the readiness probe of the consumer says something about the registry, and returns it.
async fn registry_check(health: &str) -> String {
    let url = format!("http://{health}/health/ready");
    eventually("the consumer says that it waits for the registry", GIVE_UP_AFTER, async || {
        let answer = reqwest::get(&url).await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        (status == StatusCode::SERVICE_UNAVAILABLE && text.contains("schema registry")).then_some(text)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_a_registry_that_is_away_and_a_rebuild_does_without_it() {
    let mut registry = tokio::task::spawn_blocking(OwnServer::registry).await.unwrap();
    let url = registry.url();
    let stage = Stage::new().await;
    produce(&stage, &url, "--orders 200 --format avro").await;
    registry.stop().unwrap();

    let health = free_address();
    let consumer = with_registry(&stage, "consumer", &url).env("METRICS_LISTEN", &health).start();
    let said = registry_check(&health).await;
    let expected =
        format!("the schema registry at {url} cannot be reached: Connection refused (os error 111)");
    assert!(said.contains(&expected) && said.contains("waiting for the schemas of records (id "), "{said}");
    let document = std::fs::read_to_string(repository("docs/schema-registry.md")).unwrap();
    assert!(document.contains(&expected.replace(&url, "URL")), "docs/schema-registry.md lacks: {expected}");
    // Nothing is applied, and nothing is given up, for as long as it takes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sql = stage.sql().await;
    assert!(stage.positions(&sql).await.values().all(|position| *position == 0));
    assert_eq!(dead_letters(&stage).await, []);

    let mut registry = tokio::task::spawn_blocking(move || {
        registry.restart().unwrap();
        registry
    })
    .await
    .unwrap();
    let report = stage.check().await;
    assert_eq!((report.orders, report.dead_letters), (200, 0));
    eventually("the consumer is ready again", GIVE_UP_AFTER, async || {
        let answer = reqwest::get(format!("http://{health}/health/ready")).await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);

    // All that is needed is kept: with the registry away, and without any.
    registry.stop().unwrap();
    let before = tables(&stage).await;
    with_registry(&stage, "replay-rebuild", &url).succeed(GIVE_UP_AFTER).await;
    stage.program("replay-rebuild").succeed(GIVE_UP_AFTER).await;
    catch_up(&stage, &url).await;
    stage.check().await;
    assert_eq!(tables(&stage).await, before);

    // A retry of a record whose schema is not kept has to ask, and says that nobody answers.
    let unknown = raw(Schemas::framed(1_999_999_999, b"x"));
    stage.send(vec![unknown]).await;
    stage.catch_up().await;
    assert_eq!(dead_letters(&stage).await.len(), 1);
    let api = stage.api_of(with_registry(&stage, "api", &url)).await;
    let listed = api.get("/dead-letters").await.ok().json();
    let id = listed["dead_letters"][0]["id"].as_str().unwrap().to_owned();
    let answer = api.post(&format!("/dead-letters/{id}/retry"), "{}").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.body.contains("the schema registry does not answer at the moment"), "{}", answer.body);
    assert_eq!(dead_letters(&stage).await.len(), 1);
}

#[tokio::test]
async fn what_answers_but_is_no_registry_makes_no_dead_letter() {
    let url = end_to_end::harness::shared_registry().await;
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw(Schemas::framed(1_999_999_998, b"x"))]).await;
    // The path of another API, where everything is answered with 404.
    let wrong = url.replace("/apis/ccompat/v7", "/apis/nothing");
    let health = free_address();
    let consumer = with_registry(&stage, "consumer", &wrong).env("METRICS_LISTEN", &health).start();
    let said = registry_check(&health).await;
    assert!(said.contains("is not a schema registry with Confluent's API (404"), "{said}");
    assert!(said.contains("check SCHEMA_REGISTRY_URL"), "{said}");
    assert_eq!(dead_letters(&stage).await, []);
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    // The registry itself says that there is no such schema.
    catch_up(&stage, url).await;
    let (cause, message) = dead_letters(&stage).await.remove(0);
    assert_eq!(
        (cause.as_str(), message.as_str()),
        ("unknown_schema", "the schema registry has no schema with the id 1999999998")
    );
}

#[tokio::test]
async fn a_registry_that_takes_connections_and_does_not_answer_holds_up_no_stop() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw(Schemas::framed(1_999_999_997, b"x"))]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let consumer = with_registry(&stage, "consumer", &url).start();
    let _question = tokio::time::timeout(GIVE_UP_AFTER, silent.accept()).await.unwrap().unwrap();
    let began = Instant::now();
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    // An answer may take 10 s.
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    assert_eq!(dead_letters(&stage).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_reached_by_tls_with_the_certificate_that_is_given() {
    let file = |name: &str| {
        repository(&format!("tests/tests/end_to_end/schema_registry/{name}")).display().to_string()
    };
    let port = local_stack::free_port().unwrap().to_string();
    let (certificate, key) = (file("registry.crt"), file("registry.key"));
    let _registry = tokio::task::spawn_blocking({
        let (port, certificate) = (port.clone(), certificate.clone());
        move || {
            OwnServer::registry_with(&[
                ("QUARKUS_HTTP_SSL_PORT", &port),
                ("QUARKUS_HTTP_SSL_CERTIFICATE_FILES", &certificate),
                ("QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES", &key),
            ])
        }
    })
    .await
    .unwrap();
    let url = format!("https://127.0.0.1:{port}/apis/ccompat/v7");
    let stage = Stage::new().await;
    let with_certificate = |program: &str| {
        with_registry(&stage, program, &url).env("SCHEMA_REGISTRY_SSL_CA_LOCATION", &certificate)
    };
    with_certificate("producer").args("--rate 0 --orders 10 --format avro").succeed(GIVE_UP_AFTER).await;
    // Without it, nobody is trusted.
    let health = free_address();
    let consumer = with_registry(&stage, "consumer", &url).env("METRICS_LISTEN", &health).start();
    let said = registry_check(&health).await;
    assert!(said.contains("certificate verify failed"), "{said}");
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
    with_certificate("consumer").args("--until-caught-up").succeed(GIVE_UP_AFTER).await;
    let report = stage.check().await;
    assert_eq!((report.orders, report.dead_letters), (10, 0));
}
