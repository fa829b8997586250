//! What clients, browsers and proxies expect of any HTTP server.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

use crate::world::{NOWHERE, TOKEN, World, header, problem};

const READ_TOKEN: &str = "r3ad";

async fn with(world: &World, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    world.request(method, path).headers(headers).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_an_answer_does_not_get_it_again() {
    let world = World::with_three_orders().await;
    let first = world.get("/orders/A").await;
    assert_eq!(header(&first, "cache-control"), "no-cache", "it may change");
    let etag = header(&first, "etag").to_owned();
    let again = with(&world, Method::GET, "/orders/A", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.as_str()));
    assert!(again.headers().contains_key("applied-offsets"));
    assert_eq!(again.text().await.unwrap(), "");
    let other = with(&world, Method::GET, "/orders/B", &[("if-none-match", &etag)]).await;
    assert_eq!(other.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_answer_to_a_complete_cut_may_be_kept() {
    let world = World::with_three_orders().await;
    for path in ["/orders/A?as_of=2100-01-01", "/orders?limit=1&as_of=2100-01-01", "/stats?as_of_offsets=0=1"]
    {
        let answer = world.get(path).await;
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
        let complete = world.get(header(&answer, "content-location")).await;
        assert_eq!(header(&complete, "cache-control"), "max-age=31536000", "{path}");
        assert_eq!(header(&complete, "etag"), header(&answer, "etag"), "{path}");
    }
    let page = world.json("/orders?limit=1&as_of=2100-01-01").await;
    let next = world.get(&format!("/orders?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!(header(&next, "cache-control"), "max-age=31536000");
    let page = world.json("/orders?limit=1").await;
    let next = world.get(&format!("/orders?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!(header(&next, "cache-control"), "no-cache", "this list has no cut");
    let problem = world.get("/orders/unknown").await;
    assert_eq!(header(&problem, "cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_the_body() {
    let world = World::with_three_orders().await;
    for path in ["/orders/A", "/orders", "/stats", "/health/live", "/openapi.json"] {
        let (get, head) = (world.get(path).await, with(&world, Method::HEAD, path, &[]).await);
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(head.headers().get("content-length"), get.headers().get("content-length"), "{path}");
        assert_eq!(head.headers().get("etag"), get.headers().get("etag"), "{path}");
        assert_eq!(head.text().await.unwrap(), "");
    }
    let etag = header(&world.get("/orders/A").await, "etag").to_owned();
    let known = with(&world, Method::HEAD, "/orders/A", &[("if-none-match", &etag)]).await;
    assert_eq!(known.status(), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_those_who_ask() {
    let world = World::with_three_orders().await;
    let plain = world.get("/openapi.json").await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.unwrap();
    let packed = with(&world, Method::GET, "/openapi.json", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert!(header(&packed, "vary").contains("accept-encoding"));
    let packed = packed.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]), "the mark of gzip");
    assert!(packed.len() * 4 < plain.len(), "{} of {} bytes", packed.len(), plain.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_permitted_origin_may_call() {
    let origin = "https://shop.example";
    let world = World::with(&["--kafka-bootstrap-servers", NOWHERE, "--api-cors-origins", origin]).await;
    let asked = [("origin", origin), ("access-control-request-method", "GET")];
    let permission = with(&world, Method::OPTIONS, "/orders", &asked).await;
    assert_eq!(permission.status(), 200);
    assert_eq!(header(&permission, "access-control-allow-origin"), origin);
    let answer = with(&world, Method::GET, "/orders", &[("origin", origin)]).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), origin);
    assert!(header(&answer, "access-control-expose-headers").contains("applied-offsets"));
    let other = with(&world, Method::GET, "/orders", &[("origin", "https://other.example")]).await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let world = World::new().await;
    let unknown = with(&world, Method::GET, "/orders", &[("origin", origin)]).await;
    assert!(!unknown.headers().contains_key("access-control-allow-origin"), "no page may, unless it is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_in_headers_begin_with_the_prefix_of_the_proxy() {
    let world = World::with_three_orders().await;
    let path = "/orders/A?as_of=2100-01-01";
    let location = header(&world.get(path).await, "content-location").to_owned();
    for (prefix, expected) in
        [("/food", format!("/food{location}")), ("https://evil.example", location.clone())]
    {
        let answer = with(&world, Method::GET, path, &[("x-forwarded-prefix", prefix)]).await;
        assert_eq!(header(&answer, "content-location"), expected);
    }
    let docs = with(&world, Method::GET, "/docs/swagger-initializer.js", &[]).await.text().await.unwrap();
    assert!(docs.contains("../openapi.json") && !docs.contains("\"/openapi.json"), "{docs}");
    assert_eq!(world.json("/openapi.json").await["servers"][0]["url"], "./");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_read_token_only_readers_read() {
    let tokens = ["--api-admin-token", TOKEN, "--api-read-token", READ_TOKEN];
    let world = World::with(&[&["--kafka-bootstrap-servers", NOWHERE], &tokens[..]].concat()).await;
    let bearer = |token: &str| format!("Bearer {token}");
    for path in
        ["/orders", "/stats", "/lag", "/dead-letters", "/rebuilds", "/metrics", "/openapi.json", "/nothing"]
    {
        let refused = world.get(path).await;
        assert_eq!(header(&refused, "www-authenticate"), "Bearer", "{path}");
        problem(refused, 401).await;
        problem(with(&world, Method::GET, path, &[("authorization", "Bearer x")]).await, 401).await;
        for token in [READ_TOKEN, TOKEN] {
            let answer = with(&world, Method::GET, path, &[("authorization", &bearer(token))]).await;
            let expected = if path == "/nothing" { 404 } else { 200 };
            // Kafka is away, which only the lag tells.
            assert!([expected, 503].contains(&answer.status().as_u16()), "{path}: {}", answer.status());
        }
    }
    for path in ["/health/live", "/health/ready", "/health/started"] {
        assert_eq!(world.get(path).await.status(), 200, "{path}");
    }
    let posted = with(&world, Method::POST, "/rebuilds", &[("authorization", &bearer(READ_TOKEN))]).await;
    problem(posted, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_token_shows_no_payloads() {
    let world = World::with(&[
        "--kafka-bootstrap-servers",
        NOWHERE,
        "--api-admin-token",
        TOKEN,
        "--api-read-token",
        READ_TOKEN,
    ])
    .await;
    world
        .client
        .batch_execute(
            "INSERT INTO build_1.dead_letters (partition, \"offset\", cause, error, payload, payload_bytes, headers, appended_at)
             VALUES (0, 0, 'bad_json', 'no JSON', 'secret', 6, '[]', now())",
        )
        .await
        .unwrap();
    for (token, cached, is_shown) in
        [(READ_TOKEN, "private, no-cache", false), (TOKEN, "private, no-store", true)]
    {
        let authorization = format!("Bearer {token}");
        for path in ["/dead-letters", "/dead-letters/0-0"] {
            let answer = with(&world, Method::GET, path, &[("authorization", &authorization)]).await;
            assert_eq!(header(&answer, "cache-control"), cached, "{path}");
            assert_eq!(answer.text().await.unwrap().contains("secret"), is_shown, "{path}");
        }
    }
}
