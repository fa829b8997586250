//! What becomes of a value that cannot be read, and that docs/schema-registry.md says so.

use end_to_end::harness::{GIVE_UP_AFTER, Schemas, Stage, raw, repository, shared_registry};
use serde_json::Value;

use super::{catch_up, dead_letters, with_registry};

const PAID: &str = r#"{"event":"OrderPaid","order_id":"ORD-1"}"#;

/// An Avro schema with these fields.
fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"E","fields":[{fields}]}}"#)
}

/// The message with the id left open, as the document has it.
fn of_any_id(message: &str, id: u32) -> String {
    message.replace(&format!("id {id}"), "id ID")
}

#[tokio::test]
async fn each_outcome_has_a_cause_and_a_message_that_the_document_states() {
    let url = shared_registry().await;
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let schemas = Schemas(url);
    let subject = |name: &str| format!("{}-{name}", stage.kafka.topic);
    let register = async |name: &str, schema_type: &str, schema: &str| {
        schemas.register(&subject(name), schema_type, schema).await
    };
    let text = |name: &str| format!(r#"{{"name":"{name}","type":"string"}}"#);
    let json =
        register("json", "JSON", r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#)
            .await;
    let protobuf = register("protobuf", "PROTOBUF", "syntax = \"proto3\"; message M { string a = 1; }").await;
    let no_order = register("no-order", "AVRO", &record(&text("event"))).await;
    let both = format!("{},{}", text("event"), text("order_id"));
    let usual = register("usual", "AVRO", &record(&both)).await;
    let number = format!(r#"{},{{"name":"order_id","type":"long"}}"#, text("event"));
    let number = register("number", "AVRO", &record(&number)).await;
    let duration = format!(
        r#"{both},{{"name":"d","type":{{"type":"fixed","name":"D","size":12,"logicalType":"duration"}}}}"#
    );
    let duration = register("duration", "AVRO", &record(&duration)).await;
    let unknown = 2_000_000_000;
    let avro = b"\x12OrderPaid\x0aORD-1";
    let records = [
        (unknown, &avro[..], "unknown_schema"),
        (protobuf, b"\0\x0a\x01a", "unsupported_schema"),
        (duration, avro, "unreadable_schema"),
        (usual, &avro[..7], "schema_mismatch"),
        (usual, b"\x12OrderPaid\x0aORD-1more", "schema_mismatch"),
        (no_order, b"\x12OrderPaid", "missing_field"),
        (number, b"\x12OrderPaid\x0e", "wrong_type"),
        (json, b"{\"event\":\"OrderEaten\",\"order_id\":\"ORD-1\"}", "unknown_event"),
        (json, b"not json", "bad_json"),
    ];
    let mut sent: Vec<_> =
        records.iter().map(|(id, payload, _)| raw(Schemas::framed(*id, payload))).collect();
    // Those that follow are applied.
    sent.extend([raw(Schemas::framed(usual, avro)), raw(Schemas::framed(json, PAID.as_bytes())), raw(PAID)]);
    stage.send(sent).await;
    catch_up(&stage, url).await;
    let report = stage.check().await;
    assert_eq!((report.dead_letters, report.history_rows), (records.len(), 3));
    let document = std::fs::read_to_string(repository("docs/schema-registry.md")).unwrap();
    let mut missing = Vec::new();
    for ((id, _, cause), (found, message)) in records.iter().zip(dead_letters(&stage).await) {
        assert_eq!(&found, cause, "{message}");
        let message = of_any_id(&message, *id);
        if id != &json && !document.contains(&message) {
            missing.push(message);
        }
    }
    assert!(missing.is_empty(), "docs/schema-registry.md lacks these messages: {missing:#?}");
    // A rebuild comes to the same end.
    with_registry(&stage, "replay-rebuild", url).succeed(GIVE_UP_AFTER).await;
    let rebuilt = stage.check().await;
    assert_eq!((rebuilt.dead_letters, rebuilt.history_rows), (records.len(), 3));
}

#[tokio::test]
async fn what_was_read_without_a_registry_is_applied_by_a_retry_with_one() {
    let url = shared_registry().await;
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    let fields = r#"{"name":"event","type":"string"},{"name":"order_id","type":"string"}"#;
    let id = Schemas(url).register(&stage.kafka.topic, "AVRO", &record(fields)).await;
    let value = Schemas::framed(id, b"\x12OrderPaid\x0aORD-1");
    stage.send(vec![raw(value.clone()), raw(value)]).await;
    stage.catch_up().await;
    let (cause, message) = dead_letters(&stage).await.remove(0);
    assert_eq!(cause, "bad_json");
    let document = std::fs::read_to_string(repository("docs/schema-registry.md")).unwrap();
    assert!(document.contains(&of_any_id(&message, id)), "docs/schema-registry.md lacks: {message}");

    // One by the command line, one by the API.
    let retry = with_registry(&stage, "consumer", url).args("dead-letters retry 0-0");
    assert!(retry.succeed(GIVE_UP_AFTER).await.contains("decision 1"));
    let api = stage.api_of(with_registry(&stage, "api", url)).await;
    let answer = api.post("/dead-letters/0-1/retry", "{}").await;
    assert!(answer.status.is_success(), "{}", answer.body);
    let report = stage.check().await;
    assert_eq!((report.dead_letters, report.history_rows), (0, 2));
    assert_eq!(api.get("/orders/ORD-1").await.ok().json()["status"], Value::from("paid"));

    // The schema is kept, so that nothing needs the registry any more.
    stage.program("replay-rebuild").succeed(GIVE_UP_AFTER).await;
    assert_eq!(stage.check().await.history_rows, 2);
}
