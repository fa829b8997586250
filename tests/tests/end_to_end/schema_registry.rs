//! Events that were written with a schema of a registry: a real Apicurio Registry, which needs Java 21 or newer. Where
//! there is none and none can be fetched, these tests fail.

mod away;
mod outcomes;

use end_to_end::harness::{Launch, Schemas, Stage, raw, shared_registry};

/// A program that knows the registry.
fn with_registry(stage: &Stage, program: &str, url: &str) -> Launch {
    stage.program(program).env("SCHEMA_REGISTRY_URL", url)
}

async fn produce(stage: &Stage, url: &str, arguments: &str) {
    let producer = with_registry(stage, "producer", url).args("--rate 0").args(arguments);
    producer.succeed(end_to_end::harness::GIVE_UP_AFTER).await;
}

async fn catch_up(stage: &Stage, url: &str) {
    let consumer = with_registry(stage, "consumer", url).args("--until-caught-up");
    consumer.succeed(end_to_end::harness::GIVE_UP_AFTER).await;
}

/// All that the tables hold of the events but the time at which they were appended.
async fn tables(stage: &Stage) -> Vec<(String, i64)> {
    let sql = stage.sql().await;
    let mut tables = Vec::new();
    for select in [
        "SELECT md5(string_agg(o::text, ';' ORDER BY order_id)), count(*) FROM public.orders AS o",
        "SELECT md5(string_agg(concat_ws('|', partition, \"offset\", order_id, event, sequence, event_id, occurred_at, details,
             trace_id), ';' ORDER BY partition, \"offset\")), count(*) FROM public.order_history",
    ] {
        let row = sql.query_one(select, &[]).await.unwrap();
        tables.push((row.get(0), row.get(1)));
    }
    tables
}

/// The causes and messages of all dead letters, by partition and offset.
async fn dead_letters(stage: &Stage) -> Vec<(String, String)> {
    let sql = stage.sql().await;
    let select =
        "SELECT cause, error FROM public.dead_letters WHERE state = 'open' ORDER BY partition, \"offset\"";
    sql.query(select, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn three_formats_lead_to_the_same_tables_and_to_the_same_rebuild() {
    let url = shared_registry().await;
    let orders = "--orders 300 --seed 7 --start-at-id 1 --duplicate-share 0.1 --cancel-share 0.3";
    let mut all = Vec::new();
    for format in ["json", "json-schema", "avro"] {
        let stage = Stage::new().await;
        let arguments = format!("{orders} --simulate-from 2026-11-21T18:00:00Z --format {format}");
        produce(&stage, url, &arguments).await;
        catch_up(&stage, url).await;
        let report = stage.check().await;
        assert_eq!(report.dead_letters, 0, "{format}");
        let before = tables(&stage).await;
        with_registry(&stage, "replay-rebuild", url).succeed(end_to_end::harness::GIVE_UP_AFTER).await;
        stage.check().await;
        assert_eq!(tables(&stage).await, before, "{format}");
        let subject = format!("{url}/subjects/{}-value/versions", stage.kafka.topic);
        let is_registered = reqwest::get(subject).await.unwrap().status().is_success();
        assert_eq!(is_registered, format != "json");
        all.push(before);
    }
    assert!(all[0].iter().all(|(_, rows)| *rows >= 300), "{all:?}");
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

#[tokio::test]
async fn formats_may_share_a_topic_and_a_producer_needs_a_registry_for_two_of_them() {
    let url = shared_registry().await;
    let stage = Stage::new().await;
    for (format, first) in [("avro", 1), ("json", 101)] {
        produce(&stage, url, &format!("--orders 100 --start-at-id {first} --format {format}")).await;
    }
    let json = r#"{"$schema":"http://json-schema.org/draft-07/schema#","title":"E","type":"object"}"#;
    let id = Schemas(url).register(&format!("{}-other", stage.kafka.topic), "JSON", json).await;
    let created = |number: u32| {
        let event = format!(r#"{{"event":"OrderCreated","order_id":"ORD-{number}"}}"#);
        raw(Schemas::framed(id, event.as_bytes()))
    };
    stage.send((201..=300).map(created).collect()).await;
    catch_up(&stage, url).await;
    let report = stage.check().await;
    assert_eq!((report.orders, report.dead_letters), (300, 0));
    let mut producer = stage.program("producer").args("--rate 0 --orders 1 --format avro").start();
    assert_eq!(producer.exit_code(end_to_end::harness::GIVE_UP_AFTER).await, 2);
    assert!(producer.log().contains("SCHEMA_REGISTRY_URL is missing"), "{}", producer.log());
}

#[tokio::test]
async fn a_registry_that_refuses_the_schema_ends_the_producer() {
    let url = shared_registry().await;
    let stage = Stage::new().await;
    let subject = format!("{}-value", stage.kafka.topic);
    let other = r#"{"type":"record","name":"Other","fields":[{"name":"x","type":"long"}]}"#;
    Schemas(url).register(&subject, "AVRO", other).await;
    let config = reqwest::Client::new().put(format!("{url}/config/{subject}"));
    let rule = serde_json::json!({ "compatibility": "FULL" });
    config.json(&rule).send().await.unwrap().error_for_status().unwrap();
    let mut producer =
        with_registry(&stage, "producer", url).args("--rate 0 --orders 1 --format avro").start();
    assert_eq!(producer.exit_code(end_to_end::harness::GIVE_UP_AFTER).await, 1);
    let log = producer.log();
    assert!(log.contains(&format!("refuses the schema of subject {subject} (409)")), "{log}");
    assert_eq!(stage.log_length().await, 0);
}
