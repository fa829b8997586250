use reqwest::Method;

use crate::world::{World, header, problem};

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_refused_by_name() {
    let world = World::with_three_orders().await;
    for (path, named) in [
        ("/orders?colour=red", "colour"),
        ("/orders?Status=paid", "Status"),
        ("/orders?status=eaten", "status"),
        ("/orders?status=", "status"),
        ("/orders?status=paid&status=paid", "status"),
        ("/orders?limit=0", "limit"),
        ("/orders?limit=1001", "limit"),
        ("/orders?limit=-1", "limit"),
        ("/orders?limit=ten", "limit"),
        ("/orders?limit=99999999999999999999", "limit"),
        ("/orders?sort=status", "sort"),
        ("/orders?sort=last_updated", "sort"),
        ("/orders?customer_id=%00", "customer_id"),
        ("/orders?customer_id=%ff", "UTF-8"),
        ("/orders?clock=append", "as_of"),
        ("/orders?as_of=now", "as_of"),
        ("/orders?as_of=99999-01-01T00:00:00Z", "as_of"),
        ("/orders?as_of=2026-01-01T00:00:00Z&clock=wall", "clock"),
        ("/orders?as_of_offsets=x", "as_of_offsets"),
        ("/orders?as_of_offsets=0=-1", "as_of_offsets"),
        ("/orders?decision=1", "decision"),
        ("/orders/A?limit=1", "limit"),
        ("/orders/A?as_of=x", "as_of"),
        ("/orders/A/history?sort=order_id", "sort"),
        ("/stats?status=paid", "status"),
        ("/lag?as_of=2026-01-01T00:00:00Z", "as_of"),
        ("/rebuilds/x", "id"),
        ("/rebuilds?state=active", "state"),
    ] {
        let detail = world.problem(path, 400).await;
        assert!(detail.contains(named), "{path}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new().await;
    for path in ["/orders/", "/orders/A/B", "/order", "/admin", "/orders/A/history/1"] {
        world.problem(path, 404).await;
    }
    for (method, path) in
        [(Method::POST, "/orders"), (Method::DELETE, "/orders/A"), (Method::PUT, "/rebuilds")]
    {
        let response = world.request(method.clone(), path).send().await.unwrap();
        assert!(header(&response, "allow").contains("GET"), "{method} {path}");
        problem(response, 405).await;
    }
    let head = world.request(Method::HEAD, "/orders").send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "view-build")), (200, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earliest_and_latest_times_are_valid_cuts() {
    let world = World::with_three_orders().await;
    assert_eq!(world.ids("/orders?as_of=0001-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(world.ids("/orders?as_of=-004713-11-24T00:00:00Z&clock=event").await.len(), 0);
    assert_eq!(world.ids("/orders?as_of=9999-12-30T22:00:00Z").await.len(), 3);
}
