use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::kafka::Topic;
use crate::world::{NOWHERE, TOKEN, World, header, ids, problem};

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_admin_token_opens_post() {
    let world = World::new().await;
    let post =
        || world.request(Method::POST, "/rebuilds").header(CONTENT_TYPE, "application/json").body("{}");
    let detail = problem(post().send().await.unwrap(), 401).await;
    assert!(detail.contains("Authorization"), "{detail}");
    let detail = problem(post().header(AUTHORIZATION, "Bearer wrong").send().await.unwrap(), 401).await;
    assert!(!detail.contains(TOKEN) && !detail.contains("wrong"), "{detail}");

    let closed = World::with(&["--kafka-bootstrap-servers", NOWHERE]).await;
    let post = closed.request(Method::POST, "/rebuilds").header(AUTHORIZATION, bearer()).body("{}");
    problem(post.send().await.unwrap(), 403).await;
    assert_eq!(closed.json("/rebuilds").await, json!({"rebuilds": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_refused() {
    let world = World::new().await;
    let post = |body: String, content_type: &str| {
        world
            .request(Method::POST, "/rebuilds")
            .header(AUTHORIZATION, bearer())
            .header(CONTENT_TYPE, content_type)
            .body(body)
            .send()
    };
    for body in [
        "{",
        "[]",
        "1",
        r#"{"view":1}"#,
        r#"{"switch":"later"}"#,
        r#"{"dry_run":"yes"}"#,
        r#"{"colour":"red"}"#,
        r#"{"view":"customers"}"#,
        "\u{0}",
    ] {
        problem(post(body.into(), "application/json").await.unwrap(), 400).await;
    }
    problem(post("{}".into(), "text/plain").await.unwrap(), 415).await;
    let too_large = post(" ".repeat(70_000), "application/json").await.unwrap();
    assert_eq!(header(&too_large, "connection"), "close");
    problem(too_large, 413).await;
    assert_eq!(world.json("/rebuilds").await, json!({"rebuilds": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_rebuild_is_a_problem() {
    let world = World::new().await;
    world.problem("/rebuilds/1", 404).await;
    world.problem("/rebuilds/99999999999999999999", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_is_planned_run_and_switched_in() {
    let topic = Topic::new(2).await;
    topic.create_orders(&["A", "B", "C"]).await;
    let world = World::with(&[&topic.flags()[..], &["--api-admin-token", TOKEN]].concat()).await;
    let post = async |body: &'static str| {
        let request = world.request(Method::POST, "/rebuilds").header(AUTHORIZATION, bearer());
        request.header(CONTENT_TYPE, "application/json").body(body).send().await.unwrap()
    };

    let planned = post(r#"{"view":"orders","dry_run":true}"#).await;
    assert_eq!(planned.status(), 200);
    let plan = planned.json::<Value>().await.unwrap();
    assert_eq!((&plan["dry_run"], &plan["plan"]["events"]), (&json!(true), &json!(3)), "{plan}");
    assert!(world.ids("/orders").await.is_empty());
    assert_eq!(world.json("/rebuilds").await, json!({"rebuilds": []}));

    let begun = post("").await;
    assert_eq!(begun.status(), 202);
    let location = header(&begun, "location").to_owned();
    assert_eq!(location, "/rebuilds/1", "a dry run takes no number");
    world
        .until("switched in", async || {
            let rebuild = world.json(&location).await;
            assert_ne!(rebuild["state"], "failed", "{rebuild}");
            rebuild["state"] == "active"
        })
        .await;
    let orders = world.get("/orders?sort=order_id").await;
    assert_eq!(header(&orders, "view-build"), "2");
    assert_eq!(ids(&orders.json().await.unwrap()), ["A", "B", "C"]);
    assert_eq!(world.json("/rebuilds").await["rebuilds"].as_array().unwrap().len(), 1);
    // What was measured tells how long the next one takes.
    let again = post(r#"{"dry_run":true}"#).await.json::<Value>().await.unwrap();
    assert_eq!(again["plan"]["rate_source"], "last_rebuild", "{again}");
    let late = world.request(Method::POST, &format!("{location}/cancel")).header(AUTHORIZATION, bearer());
    let detail = problem(late.send().await.unwrap(), 409).await;
    assert!(detail.contains("rebuild 1 is active"), "{detail}");
    let as_of = world.get("/orders/A?as_of=9999-01-01T00:00:00Z").await;
    assert_eq!(as_of.status(), 200);
}
