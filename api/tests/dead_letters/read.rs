use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::world::{NOWHERE, World, header, problem};

fn dead_letter_ids(list: &Value) -> Vec<&str> {
    list["dead_letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dead_letter| dead_letter["id"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filtered_and_paged() {
    let mut world = World::with_three_orders().await;
    for (partition, cause, order_id) in [
        (0, "bad_json", None),
        (1, "bad_json", Some("A")),
        (0, "wrong_type", Some("A")),
        (0, "bad_json", Some("B")),
    ] {
        world.dead_lettered(partition, cause, order_id, b"{").await;
    }
    let all = world.json("/dead-letters").await;
    assert_eq!(dead_letter_ids(&all), ["0-3", "0-4", "0-5", "1-2"]);
    assert_eq!(all["next_cursor"], Value::Null);
    for (query, expected) in [
        ("cause=wrong_type", &["0-4"][..]),
        ("order_id=A", &["0-4", "1-2"]),
        ("state=open&cause=bad_json&order_id=B", &["0-5"]),
        ("state=retried", &[]),
        ("order_id=none", &[]),
    ] {
        assert_eq!(
            dead_letter_ids(&world.json(&format!("/dead-letters?{query}")).await),
            expected,
            "{query}"
        );
    }
    let mut seen = Vec::new();
    let mut path = "/dead-letters?cause=bad_json&limit=1".to_owned();
    loop {
        let page = world.json(&path).await;
        seen.extend(dead_letter_ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/dead-letters?limit=1&cursor={cursor}");
        world.problem(&format!("{path}&cause=wrong_type"), 400).await;
    }
    assert_eq!(seen, ["0-3", "0-5", "1-2"]);
    let answer = world.get("/dead-letters").await;
    assert_eq!((header(&answer, "open-dead-letters"), header(&answer, "applied-offsets")), ("4", "0=6,1=3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_for_the_token_only() {
    let mut world = World::new().await;
    let text = world.dead_lettered(0, "bad_json", Some("A"), "{\"ä\u{0}".as_bytes()).await;
    let binary = world.dead_lettered(0, "bad_json", None, &[0xff, b'a']).await;
    assert_eq!((text.as_str(), binary.as_str()), ("0-0", "0-1"));

    let public = world.json("/dead-letters/0-0").await;
    assert_eq!(world.json("/dead-letters").await["dead_letters"][0], public);
    for hidden in ["key", "payload", "key_encoding", "payload_encoding", "payload_is_cut"] {
        assert!(public.get(hidden).is_none(), "{hidden}: {public}");
    }
    assert_eq!(public["headers"], json!([{"name": "schema-version"}, {"name": "x"}]));
    assert_eq!((&public["payload_bytes"], &public["state"]), (&json!(5), &json!("open")));

    let mut complete = world.with_token("/dead-letters/0-0").await;
    assert_eq!(world.with_token("/dead-letters").await["dead_letters"][0], complete);
    assert_eq!(
        complete["headers"],
        json!([{"name": "schema-version", "value": "1"}, {"name": "x", "value": null}])
    );
    assert_eq!((&complete["payload"], &complete["payload_encoding"]), (&json!("{\"ä\u{0}"), &json!("text")));
    assert_eq!((&complete["key"], &complete["payload_is_cut"]), (&json!("k"), &json!(false)));
    let object = complete.as_object_mut().unwrap();
    object.retain(|name, _| public.get(name).is_some());
    object.insert("headers".into(), public["headers"].clone());
    assert_eq!(complete, public, "the same answer, except for the bytes");
    let other = world.with_token("/dead-letters/0-1").await;
    assert_eq!((&other["payload"], &other["payload_encoding"]), (&json!("/2E="), &json!("base64")));

    for path in ["/dead-letters", "/dead-letters/0-0"] {
        let wrong = world.request(Method::GET, path).header(AUTHORIZATION, "Bearer wrong");
        problem(wrong.send().await.unwrap(), 401).await;
    }
    let closed = World::with(&["--kafka-bootstrap-servers", NOWHERE]).await;
    let given = closed.request(Method::GET, "/dead-letters").header(AUTHORIZATION, "Bearer any");
    problem(given.send().await.unwrap(), 403).await;
    assert_eq!(closed.json("/dead-letters").await, json!({"dead_letters": [], "next_cursor": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_names_what_is_wrong() {
    let world = World::new().await;
    for (path, named) in [
        ("/dead-letters?state=shut", "state"),
        ("/dead-letters?cause=bad", "bad_json"),
        ("/dead-letters?order_id=", "order_id"),
        ("/dead-letters?colour=red", "colour"),
        ("/dead-letters?limit=1001", "limit"),
        ("/dead-letters?cursor=x", "cursor"),
        ("/dead-letters?as_of=2026-01-01T00:00:00Z", "as_of"),
        ("/dead-letters/0", "PARTITION-OFFSET"),
        ("/dead-letters/0-x", "PARTITION-OFFSET"),
        ("/dead-letters/0-0?limit=1", "limit"),
    ] {
        let detail = world.problem(path, 400).await;
        assert!(detail.contains(named), "{path}: {detail}");
    }
    let missing = world.get("/dead-letters/0-0").await;
    assert_eq!(header(&missing, "open-dead-letters"), "0");
    problem(missing, 404).await;
}
