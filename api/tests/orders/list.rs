use std::time::{Duration, SystemTime};

use orders::Time;
use serde_json::json;

use crate::world::{World, ids};

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_sorting() {
    let world = World::with_three_orders().await;
    for (query, expected) in [
        ("", vec!["A", "C", "B"]),
        ("?sort=-last_updated", vec!["A", "C", "B"]),
        ("?sort=order_id", vec!["A", "B", "C"]),
        ("?sort=-order_id", vec!["C", "B", "A"]),
        ("?status=paid", vec!["A"]),
        ("?status=delivered", vec![]),
        ("?customer_id=c1", vec!["A", "B"]),
        ("?restaurant_id=r1&sort=order_id", vec!["A", "C"]),
        ("?restaurant_id=r1&customer_id=c2&status=pending", vec!["C"]),
    ] {
        assert_eq!(world.ids(&format!("/orders{query}")).await, expected, "{query}");
        let as_of =
            format!("/orders{query}{}as_of_offsets=0=3,1=2", if query.is_empty() { "?" } else { "&" });
        assert_eq!(world.ids(&as_of).await, expected, "{as_of}");
    }
}

/// The ids of all pages from this one on, and how many pages there are.
async fn paged(world: &World, first: String, limit: usize) -> (Vec<String>, usize) {
    let (mut paged, mut url, mut pages) = (Vec::new(), first, 0);
    loop {
        pages += 1;
        let answer = world.json(&url).await;
        paged.extend(ids(&answer));
        match answer["next_cursor"].as_str() {
            Some(cursor) => url = format!("/orders?limit={limit}&cursor={cursor}"),
            None => return (paged, pages),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_cover_everything_once() {
    let mut world = World::new().await;
    for n in 0..7 {
        // Pairs share their time.
        world.append(0, n / 2, &format!(r#"{{"event":"OrderCreated","order_id":"O{n}"}}"#)).await;
    }
    for base in [
        "/orders?sort=-last_updated",
        "/orders?sort=order_id",
        "/orders?sort=-order_id",
        "/orders?as_of_offsets=0=7",
    ] {
        let whole = world.ids(base).await;
        assert_eq!(whole.len(), 7);
        let (paged, pages) = paged(&world, format!("{base}&limit=3"), 3).await;
        assert_eq!((paged, pages), (whole, 3), "{base}");
    }
}

/// The list is found by the records that are the latest, wherever these lie: in the future, now and long ago.
#[tokio::test(flavor = "multi_thread")]
async fn the_latest_come_first_however_far_apart() {
    let (now, hour, day) =
        (Time::from(SystemTime::now()), Duration::from_secs(3600), Duration::from_secs(86_400));
    let ago =
        [Duration::ZERO, hour / 90, hour / 61, hour / 59, hour, 2 * hour, day, 3 * day, 4 * day, 4 * day];
    let mut times: Vec<_> = ago.iter().map(|ago| now.before(*ago)).collect();
    times.insert(0, Time::MAX);
    times.extend(["2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z"].map(|time| time.parse::<Time>().unwrap()));
    let mut world = World::new().await;
    let mut expected = Vec::new();
    for (number, time) in times.iter().enumerate() {
        let event =
            json!({ "event": "OrderCreated", "order_id": format!("O{number:02}"), "occurred_at": time });
        world.append(0, 0, &event.to_string()).await;
        expected.push(format!("O{number:02}"));
    }
    for limit in 1..=times.len() {
        let (paged, _) = paged(&world, format!("/orders?limit={limit}"), limit).await;
        assert_eq!(paged, expected, "limit {limit}");
    }
    assert_eq!(world.ids("/orders?status=pending&limit=2").await, expected[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_just_full_is_the_last() {
    let world = World::with_three_orders().await;
    assert!(world.json("/orders?limit=3").await["next_cursor"].is_null());
    assert!(world.json("/orders?limit=2").await["next_cursor"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_keeps_to_its_cut_and_its_question() {
    let mut world = World::with_three_orders().await;
    let first = world.json("/orders?sort=order_id&limit=1&as_of=2026-01-01T00:00:04Z").await;
    assert_eq!(ids(&first), ["A"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    world.append(1, 3, r#"{"event":"OrderCreated","order_id":"AA"}"#).await;
    let rest = world.json(&format!("/orders?cursor={cursor}")).await;
    assert_eq!((ids(&rest), rest["next_cursor"].is_null()), (vec!["B".to_owned()], true));
    // The parameters may repeat what the cursor carries.
    world.json(&format!("/orders?cursor={cursor}&sort=order_id&as_of=2026-01-01T00:00:04Z")).await;
    let other = world.problem(&format!("/orders?cursor={cursor}&sort=-order_id"), 400).await;
    assert!(other.contains("sort"), "{other}");
    world.problem(&format!("/orders?cursor={cursor}&status=paid"), 400).await;
    world.problem(&format!("/orders?cursor={cursor}&as_of=2026-01-01T00:00:05Z"), 400).await;
    world.problem(&format!("/orders/A/history?cursor={cursor}"), 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_cursors_are_refused() {
    let world = World::with_three_orders().await;
    let list = world.json("/orders?limit=1&as_of_offsets=0=3").await;
    let whole = list["next_cursor"].as_str().unwrap();
    // {"q":[null,null,null,"-last_updated"],"k":["A","nonsense"]} and others of that kind.
    for cursor in [
        "",
        "x",
        "%20",
        &whole[1..],
        &whole[..whole.len() - 2],
        "e30",
        "eyJxIjpbbnVsbCxudWxsLG51bGwsIi1sYXN0X3VwZGF0ZWQiXSwiayI6WyJBIiwibm9uc2Vuc2UiXX0",
        &"A".repeat(15_000),
    ] {
        let response = world.get(&format!("/orders?cursor={cursor}")).await;
        assert!(response.status() == 400, "{cursor}: {}", response.status());
    }
}
