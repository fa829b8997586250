//! One bad record stops nobody.

use end_to_end::harness::{NewRecord, Stage, raw};

/// Records that cannot be decoded, each with the cause of its dead letter.
fn undecodable() -> Vec<(NewRecord, &'static str)> {
    let paid = |fields: &str| raw(format!(r#"{{"event":"OrderPaid","order_id":"ORD-1"{fields}}}"#));
    let large = format!(r#","note":"{}""#, "x".repeat(1_000_000));
    let deep = format!(r#","note":{}{}"#, "[".repeat(150), "]".repeat(150));
    let long_id = format!(r#"{{"event":"OrderPaid","order_id":"{}"}}"#, "x".repeat(129));
    vec![
        (NewRecord { key: Some("ORD-1".into()), ..NewRecord::default() }, "empty_value"),
        (raw(""), "empty_value"),
        (paid(&large), "too_large"),
        (NewRecord { headers: vec![("schema-version", "2")], ..paid("") }, "unknown_schema_version"),
        (NewRecord { headers: vec![("schema-version", "new")], ..paid("") }, "unknown_schema_version"),
        (raw("so what"), "bad_json"),
        (raw(r#"{"event":"OrderPaid","order_id":"ORD-1""#), "bad_json"),
        (raw([0xff, 0xfe, b'{', b'}']), "bad_json"),
        (paid(r#","note":"\ud83d""#), "bad_json"),
        (paid(r#","note":"\u0000""#), "nul_character"),
        (raw("{\"event\":\"OrderPaid\",\"order_id\":\"O\0\"}"), "nul_character"),
        (raw(r#"{"event":"OrderPaid"}"#), "missing_field"),
        (raw(r#"{"order_id":"ORD-1"}"#), "missing_field"),
        (raw(r#"{"event":"OrderPaid","order_id":null}"#), "missing_field"),
        (raw("[1]"), "wrong_type"),
        (raw("42"), "wrong_type"),
        (raw(r#"{"event":"OrderPaid","order_id":7}"#), "wrong_type"),
        (paid(r#","sequence":"2""#), "wrong_type"),
        (paid(r#","sequence":2.5"#), "wrong_type"),
        (paid(r#","payment_method":1"#), "wrong_type"),
        (raw(r#"{"event":"OrderCreated","order_id":"ORD-1","items":"Margherita"}"#), "wrong_type"),
        (raw(r#"{"event":"OrderPaid","order_id":""}"#), "out_of_range"),
        (raw(long_id), "out_of_range"),
        (paid(r#","sequence":0"#), "out_of_range"),
        (paid(r#","sequence":2147483648"#), "out_of_range"),
        (paid(r#","occurred_at":"yesterday""#), "out_of_range"),
        (paid(r#","occurred_at":"10000-01-01T00:00:00Z""#), "out_of_range"),
        (paid(r#","event_id":"""#), "out_of_range"),
        (paid(r#","amount_cents":-1"#), "out_of_range"),
        (paid(&deep), "out_of_range"),
        (paid(r#","note":1e999"#), "out_of_range"),
        (raw(r#"{"event":"OrderEaten","order_id":"ORD-1"}"#), "unknown_event"),
        (paid(r#","status":"delivered""#), "status_contradicts_event"),
        (paid(r#","status":"eaten""#), "status_contradicts_event"),
    ]
}

/// Unusual records that are events nevertheless.
fn unusual() -> Vec<NewRecord> {
    [
        r#"{"event":"OrderPaid","order_id":"ORD-1","sequence":2,"occurred_at":"1970-01-01T01:00:00.1234567+01:00"}"#,
        r#"{"event":"OrderPaid","order_id":"ORD-1","sequence":2,"payment_method":"cash","event_id":null}"#,
        r#" {"order_id":"ORD-1","event":"OrderShipped","note":{"b":1e3,"a":[1.50,-0.0,null,"\u00e9"]},"courier_id":null}"#,
        r#"{"event":"OrderCreated","order_id":"ORD-1","occurred_at":"9999-12-30T22:00:00Z","total_cents":9223372036854775807}"#,
        r#"{"event":"OrderCreated","order_id":"ORD-1","sequence":2147483647,"items":null,"note":"later","note":"latest"}"#,
        r#"{"event":"OrderCancelled","order_id":"Ünïcode/ id?&#%","reason":"a \"reason\"\n\\ with everything","":0}"#,
        r#"{"event":"OrderDelivered","order_id":"ORD-2","customer_id":5,"payment_method":[],"sequence":4}"#,
    ]
    .into_iter()
    .map(raw)
    .collect()
}

#[tokio::test]
async fn each_bad_record_becomes_a_dead_letter_and_the_others_apply() {
    let stage = Stage::new().await;
    stage.create_topic(3).await;
    let bad = undecodable();
    let mut records = Vec::new();
    for (index, (sent, _)) in bad.iter().enumerate() {
        records.push(NewRecord { partition: Some(0), ..sent.clone() });
        records.push(raw(format!(r#"{{"event":"OrderCreated","order_id":"BETWEEN-{index}"}}"#)));
    }
    records.extend(unusual());
    stage.send(records).await;
    stage.catch_up().await;
    let report = stage.check().await;
    assert_eq!(report.dead_letters, bad.len());
    assert_eq!(report.records, 2 * bad.len() + unusual().len());

    // The oracle accepts the cause of any fault in a record. Here the one to expect is known.
    let sql = stage.sql().await;
    let rows =
        sql.query("SELECT cause, error FROM public.dead_letters ORDER BY partition, \"offset\"", &[]).await;
    let rows = rows.unwrap();
    for ((sent, cause), row) in bad.iter().zip(&rows) {
        let value = String::from_utf8_lossy(sent.value.as_deref().unwrap_or_default())
            .chars()
            .take(80)
            .collect::<String>();
        assert_eq!(row.get::<_, &str>(0), *cause, "{value}: {}", row.get::<_, &str>(1));
    }
}
