use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;

use crate::world::{NOWHERE, TOKEN, World, problem};

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
    problem(post(" ".repeat(70_000), "application/json").await.unwrap(), 413).await;
    assert_eq!(world.json("/rebuilds").await, json!({"rebuilds": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_not_there() {
    let world = World::new().await;
    world.problem("/rebuilds/1", 404).await;
    world.problem("/rebuilds/99999999999999999999", 400).await;
}
