//! `consumer dead-letters` and `consumer decisions`.

use end_to_end::harness::{GIVE_UP_AFTER, Stage};
use serde_json::{Value, json};

use super::{LARGER_LIMIT, catch_up, check, large, record};

#[tokio::test]
async fn the_command_line_does_what_the_api_does() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage
        .send(vec![
            large("A", "OrderCreated", 1, 300),
            record("so what\u{1b}[2J"),
            large("A", "OrderPaid", 2, 300),
            record([0xff]),
        ])
        .await;
    catch_up(&stage).await;
    let run = async |arguments: &str, limit: usize| {
        let consumer = stage.program("consumer").env("MAX_RECORD_BYTES", limit.to_string()).args(arguments);
        // The log goes to the same file as the output.
        consumer.env("LOG_LEVEL", "error").succeed(GIVE_UP_AFTER).await
    };
    let list = run("dead-letters list", LARGER_LIMIT).await;
    assert_eq!(list.lines().count(), 5, "{list}");
    let rows: Vec<Vec<_>> = list.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "STATE", "CAUSE", "ORDER_ID", "BYTES", "APPENDED_AT"]);
    assert_eq!(rows[1][..4], ["0-0", "open", "too_large", "-"], "{list}");
    let bad_json = run("dead-letters list --cause bad_json --limit 1", LARGER_LIMIT).await;
    assert_eq!(bad_json.lines().count(), 2, "{bad_json}");
    assert_eq!(run("dead-letters list --limit 2 --json", LARGER_LIMIT).await.lines().count(), 2);
    let shown = run("dead-letters show 0-1", LARGER_LIMIT).await;
    assert!(shown.contains("so what\\u{1b}[2J") && shown.contains("schema-version: 1"), "{shown}");
    assert!(run("dead-letters show 0-3", LARGER_LIMIT).await.contains("(base64) /w=="));
    let json: Value = serde_json::from_str(&run("dead-letters show 0-3 --json", LARGER_LIMIT).await).unwrap();
    assert_eq!((&json["payload"], &json["payload_encoding"]), (&json!("/w=="), &json!("base64")));

    assert!(run("dead-letters retry 0-0 --reason larger", LARGER_LIMIT).await.contains("decision 1"));
    let report: Value =
        serde_json::from_str(&run("dead-letters retry --cause too_large", LARGER_LIMIT).await).unwrap();
    assert_eq!((&report["retried"], &report["applied"]), (&json!(1), &json!(1)), "{report}");
    assert!(run("dead-letters discard 0-1 --reason nonsense", LARGER_LIMIT).await.contains("decision 3"));
    for (arguments, code) in [
        ("dead-letters retry 0-3", 1),
        ("dead-letters retry 0-0", 1),
        ("dead-letters show 0-9", 1),
        ("dead-letters show nine", 2),
        ("dead-letters discard 0-3", 2),
        ("dead-letters list --cause none", 2),
        ("dead-letters retry", 2),
    ] {
        let mut refused = stage.program("consumer").args(arguments).start();
        assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, code, "{arguments}: {}", refused.log());
    }
    let export = run("decisions export", LARGER_LIMIT).await;
    let decisions: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decisions.len(), 3, "{export}");
    assert_eq!(
        (
            &decisions[2]["kind"],
            &decisions[2]["from_offset"],
            &decisions[2]["reason"],
            &decisions[2]["cause"]
        ),
        (&json!("discard"), &json!(1), &json!("nonsense"), &json!("bad_json"))
    );
    check(&stage).await;
    let sql = stage.sql().await;
    assert_eq!(stage.status(&sql, "A").await.as_deref(), Some("paid"));
}
