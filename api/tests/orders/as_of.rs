use serde_json::json;
use views::PROJECTION_VERSION;

use crate::world::{World, header, ids};

/// The complete URL of an as-of answer, and its body.
async fn content_location(world: &World, path: &str) -> (String, String) {
    let response = world.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    (header(&response, "content-location").to_owned(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_by_append_time_event_time_and_offsets() {
    let world = World::with_three_orders().await;
    let complete = format!("as_of_offsets=0=3&decision=0&projection={PROJECTION_VERSION}");
    for (cut, a, b) in [
        ("as_of=2026-01-01T00:00:00.999999Z", None, None),
        ("as_of=2026-01-01T00:00:01Z", Some("pending"), None),
        ("as_of=2026-01-01T00:00:03Z", Some("paid"), Some("pending")),
        ("as_of=2026-01-01T01:00:03%2B01:00", Some("paid"), Some("pending")),
        ("as_of=2026-01-01T00:00:03Z&clock=append", Some("paid"), Some("pending")),
        // The payment says that it happened at second 9.
        ("as_of=2026-01-01T00:00:08Z&clock=event", Some("pending"), Some("cancelled")),
        ("as_of=2026-01-01T00:00:09Z&clock=event", Some("paid"), Some("cancelled")),
        ("as_of=9999-01-01T00:00:00Z", Some("paid"), Some("cancelled")),
        ("as_of=-004713-11-24T00:00:00Z", None, None),
        ("as_of_offsets=0=1", Some("pending"), None),
        ("as_of_offsets=0=2,1=1", Some("paid"), Some("pending")),
        ("as_of_offsets=", None, None),
        ("as_of=2026-01-01T00:00:02Z&as_of_offsets=0=3,1=0", Some("pending"), None),
        (&complete, Some("paid"), None),
    ] {
        for (id, status) in [("A", a), ("B", b)] {
            let path = format!("/orders/{id}?{cut}");
            match status {
                Some(status) => assert_eq!(world.json(&path).await["status"], status, "{path}"),
                None => assert!(world.problem(&path, 404).await.contains("within this cut"), "{path}"),
            }
        }
        let mut expected: Vec<_> =
            [("A", a), ("B", b)].iter().filter_map(|(id, status)| status.map(|_| *id)).collect();
        let list = world.ids(&format!("/orders?sort=order_id&{cut}")).await;
        expected.extend(list.iter().filter(|id| *id == "C").map(|_| "C"));
        assert_eq!(list, expected, "{cut}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_location_gives_the_same_bytes_later() {
    let mut world = World::with_three_orders().await;
    let cut = "as_of=2026-01-01T00:00:04Z";
    let paths = [
        format!("/orders?{cut}"),
        format!("/orders?{cut}&limit=1&customer_id=c1&sort=order_id"),
        format!("/orders/A?{cut}"),
        "/orders/A?as_of_offsets=0=2".to_owned(),
        format!("/orders/A/history?{cut}"),
        format!("/stats?{cut}"),
        format!("/stats?{cut}&clock=event"),
    ];
    let mut answers = Vec::new();
    for path in &paths {
        answers.push(content_location(&world, path).await);
    }
    assert_eq!(
        answers[2].0,
        format!(
            "/orders/A?as_of=2026-01-01T00:00:04Z&clock=append&as_of_offsets=0=3,1=2&decision=0&projection={PROJECTION_VERSION}"
        )
    );
    assert_eq!(
        answers[3].0,
        format!("/orders/A?as_of_offsets=0=2&decision=0&projection={PROJECTION_VERSION}")
    );
    // New events, late ones among them, one on a new partition.
    world.append(0, 2, r#"{"event":"OrderCancelled","order_id":"A"}"#).await;
    world.append(2, 2, r#"{"event":"OrderCreated","order_id":"D","customer_id":"c1"}"#).await;
    world.dead_letter(1, 3, Some("A")).await;
    for (path, (location, body)) in paths.iter().zip(answers) {
        let (again, same) = content_location(&world, &location).await;
        assert_eq!((again, same), (location, body), "{path}");
    }
    assert_eq!(
        world.json(&format!("/orders/A?{cut}")).await["status"],
        "cancelled",
        "without the vector it moves on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_locate_themselves() {
    let world = World::with_three_orders().await;
    let first = world.json("/orders?limit=1&as_of_offsets=0=3,1=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (location, body) = content_location(&world, &format!("/orders?cursor={cursor}&limit=1")).await;
    assert_eq!(location, format!("/orders?cursor={cursor}&limit=1"));
    assert_eq!(ids(&serde_json::from_str(&body).unwrap()), ["C"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_beyond_what_is_applied_is_a_conflict() {
    let world = World::with_three_orders().await;
    for cut in [
        "as_of_offsets=0=4",
        "as_of_offsets=7=1",
        "as_of=2026-01-01T00:00:04Z&as_of_offsets=1=3",
        "as_of_offsets=2147483647=1",
    ] {
        for path in ["/orders", "/orders/A", "/orders/none", "/orders/A/history", "/stats"] {
            let response = world.get(&format!("{path}?{cut}")).await;
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(
                (&body["status"], &body["applied_offsets"]),
                (&json!(409), &json!("0=3,1=2")),
                "{path}?{cut}"
            );
        }
    }
    assert!(world.problem("/orders?as_of_offsets=0=3&decision=1", 409).await.contains("decision 1"));
    for projection in [PROJECTION_VERSION - 1, PROJECTION_VERSION + 1] {
        world.problem(&format!("/orders?as_of_offsets=0=3&projection={projection}"), 410).await;
    }
    // Naming an unknown partition at 0 is what leaving it out means.
    world.json("/orders?as_of_offsets=0=3,7=0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_and_decisions_belong_to_the_cut() {
    let mut world = World::with_three_orders().await;
    let before = "as_of_offsets=0=3,1=2&decision=0";
    world.dead_letter(1, 6, Some("B")).await;
    let open = "as_of_offsets=0=3,1=3&decision=0";
    assert_eq!(world.json(&format!("/orders/B?{before}")).await["incomplete"], false);
    assert_eq!(world.json(&format!("/orders/B?{open}")).await["incomplete"], true);
    assert_eq!(world.json(&format!("/stats?{open}")).await["open_dead_letters"], 1);
    // An operator retries it: it becomes a record, by decision 1.
    world
        .client
        .batch_execute(
            r#"INSERT INTO public.decisions (kind, view, partition, from_offset, to_offset, reason) VALUES ('retry', 'orders', 1, 2, 3, 'mended');
               UPDATE build_1.dead_letters SET state = 'retried', decision = 1;
               INSERT INTO build_1.order_history
                   (partition, "offset", order_id, event, sequence, other_event_id, occurred_at, appended_at, decision)
               VALUES (1, 2, 'B', 'C', 9, 'e', '2026-01-01T00:00:06Z', '2026-01-01T00:00:06Z', 1)"#,
        )
        .await
        .unwrap();
    let decided = "as_of_offsets=0=3,1=3&decision=1";
    for (cut, status, incomplete, records) in
        [(before, "cancelled", false, 2), (open, "cancelled", true, 2), (decided, "pending", false, 3)]
    {
        let order = world.json(&format!("/orders/B?{cut}")).await;
        assert_eq!((&order["status"], &order["incomplete"]), (&json!(status), &json!(incomplete)), "{cut}");
        let history = world.json(&format!("/orders/B/history?{cut}")).await;
        assert_eq!(history["records"].as_array().unwrap().len(), records, "{cut}");
    }
    let (location, _) = content_location(&world, "/orders/B?as_of=2026-01-02T00:00:00Z").await;
    assert!(location.contains("&decision=1&"), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_very_many_records() {
    let world = World::new().await;
    world
        .client
        .batch_execute(
            r#"INSERT INTO build_1.order_history
                   (partition, "offset", order_id, event, sequence, other_event_id, occurred_at, appended_at, details)
               SELECT 0, n, 'long', 'P', n % 7 + 1, 'e', '2026-01-01', '2026-01-01', json_build_object('n', n)
               FROM generate_series(0, 999) n;
               INSERT INTO build_1.positions (view, partition, next_offset, owner_epoch) VALUES ('orders', 0, 1000, 1)"#,
        )
        .await
        .unwrap();
    for (cut, sequence, n) in [("as_of_offsets=0=1000", 7, 6), ("as_of_offsets=0=5", 5, 4)] {
        let order = world.json(&format!("/orders/long?{cut}")).await;
        assert_eq!((&order["sequence"], &order["details"]["n"]), (&json!(sequence), &json!(n)), "{cut}");
        assert_eq!(world.json(&format!("/orders?{cut}")).await["orders"][0], order, "{cut}");
    }
}
