//! Real answers of every route, in every status that the document has for it.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::exchange::Comparison;
use crate::kafka::Topic;
use crate::world::{Api, NOWHERE, TOKEN, World};

/// Each operation with a path that it answers successfully, if what the path names is in the right state.
const OPERATIONS: [(&str, &str, &str); 18] = [
    ("getLive", "GET", "/health/live"),
    ("getReady", "GET", "/health/ready"),
    ("getStarted", "GET", "/health/started"),
    ("getMetrics", "GET", "/metrics"),
    ("listOrders", "GET", "/orders"),
    ("getOrder", "GET", "/orders/A"),
    ("getOrderHistory", "GET", "/orders/A/history"),
    ("getStats", "GET", "/stats"),
    ("getLag", "GET", "/lag"),
    ("listDeadLetters", "GET", "/dead-letters"),
    ("getDeadLetter", "GET", "/dead-letters/0-3"),
    ("retryDeadLetter", "POST", "/dead-letters/0-3/retry"),
    ("discardDeadLetter", "POST", "/dead-letters/0-4/discard"),
    ("retryDeadLetters", "POST", "/dead-letters/retry?cause=bad_json"),
    ("startRebuild", "POST", "/rebuilds"),
    ("listRebuilds", "GET", "/rebuilds"),
    ("getRebuild", "GET", "/rebuilds/1"),
    ("cancelRebuild", "POST", "/rebuilds/1/cancel"),
];

/// Has no body.
const CANCEL: &str = "cancelRebuild";

const AS_OF: [&str; 4] = ["listOrders", "getOrder", "getOrderHistory", "getStats"];
const WAITING: [&str; 7] =
    ["listOrders", "getOrder", "getOrderHistory", "getStats", "getLag", "listDeadLetters", "getDeadLetter"];
const PROBES: [&str; 4] = ["getLive", "getReady", "getStarted", "getMetrics"];
const DISCARD: &str = r#"{"reason":"a test"}"#;
const PAID: &[u8] = br#"{"event":"OrderPaid","order_id":"C","payment_method":"cash","sequence":2}"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_document_says_and_the_other_way_round() {
    let mut world = World::with_three_orders().await;
    let mut compare = Comparison::new(world.json("/openapi.json").await);
    for id in ["too_large", "bad_json", "bad_json", "wrong_type"] {
        world.dead_lettered(0, id, Some("C"), if id == "too_large" { PAID } else { b"{" }).await;
    }
    a_rebuild_with_all_members(&world).await;

    good_reads(&world, &mut compare).await;
    refused_requests(&world, &mut compare).await;
    slow_bodies(&world, &mut compare).await;
    decisions(&world, &mut compare).await;
    rebuilds(&world, &mut compare).await;
    without_a_token(&mut compare).await;
    without_a_database(&mut compare).await;
    world.health.beat("a watch that hangs", std::time::Duration::ZERO);
    compare.answer("getLive", world.get("/health/live").await).await;
    damaged_tables(&world, &mut compare).await;

    assert_eq!(compare.operations().count(), OPERATIONS.len());
    compare.is_complete();
}

async fn good_reads(world: &World, compare: &mut Comparison) {
    for (operation, _, path) in OPERATIONS.iter().filter(|(_, method, _)| *method == "GET") {
        compare.answer(operation, world.get(path).await).await;
    }
    for operation in AS_OF {
        let response = world.get(&format!("{}?as_of_offsets=0=3,1=1&limit=1", path_of(operation))).await;
        // Only lists have a limit.
        let response = match response.status().as_u16() {
            400 => world.get(&format!("{}?as_of_offsets=0=3,1=1", path_of(operation))).await,
            _ => response,
        };
        assert!(response.headers().contains_key("content-location"), "{operation}");
        compare.answer(operation, response).await;
    }
    for path in ["/dead-letters?limit=1", "/dead-letters"] {
        compare.answer("listDeadLetters", send(world, "GET", path, "").await).await;
    }
    compare.answer("getDeadLetter", send(world, "GET", "/dead-letters/0-3", "").await).await;
}

async fn refused_requests(world: &World, compare: &mut Comparison) {
    for (operation, method, path) in OPERATIONS {
        let unknown = if path.contains('?') { "&colour=red" } else { "?colour=red" };
        if !PROBES.contains(&operation) {
            let response = send(world, method, &format!("{path}{unknown}"), DISCARD).await;
            assert_eq!(response.status(), 400, "{operation}");
            compare.answer(operation, response).await;
        }
        let response = world.request(Method::DELETE, path).send().await.unwrap();
        assert_eq!(response.status(), 405, "{operation}");
        compare.answer(operation, response).await;
        if WAITING.contains(&operation) {
            compare.answer(operation, world.get(&format!("{path}?after=9=1&wait_ms=1")).await).await;
        }
        if AS_OF.contains(&operation) {
            for cut in ["as_of_offsets=9=1", "as_of_offsets=&decision=9", "as_of_offsets=&projection=9"] {
                compare.answer(operation, world.get(&format!("{path}?{cut}")).await).await;
            }
        }
        if method == "POST" || operation.contains("DeadLetter") {
            let wrong = world.request(method.parse().unwrap(), path).header(AUTHORIZATION, "Bearer wrong");
            let response = wrong.send().await.unwrap();
            assert_eq!(response.status(), 401, "{operation}");
            compare.answer(operation, response).await;
        }
        if method == "POST" && operation != CANCEL {
            let too_large = send(world, method, path, &" ".repeat(70_000)).await;
            assert_eq!(too_large.status(), 413, "{operation}");
            compare.answer(operation, too_large).await;
            let text = world.request(Method::POST, path).bearer_auth(TOKEN).body("{}").send().await.unwrap();
            assert_eq!(text.status(), 415, "{operation}");
            compare.answer(operation, text).await;
        }
    }
    for (operation, method, path) in [
        ("getOrder", "GET", "/orders/none"),
        ("getOrderHistory", "GET", "/orders/none/history"),
        ("getDeadLetter", "GET", "/dead-letters/9-9"),
        ("retryDeadLetter", "POST", "/dead-letters/9-9/retry"),
        ("discardDeadLetter", "POST", "/dead-letters/9-9/discard"),
        ("getRebuild", "GET", "/rebuilds/999"),
        (CANCEL, "POST", "/rebuilds/999/cancel"),
    ] {
        let response = send(world, method, path, DISCARD).await;
        assert_eq!(response.status(), 404, "{operation}");
        compare.answer(operation, response).await;
    }
}

/// All requests run at the same time, because each takes as long as a body may.
async fn slow_bodies(world: &World, compare: &mut Comparison) {
    let slow = async |path: &'static str| {
        let mut stream = TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let posts = ["retryDeadLetter", "discardDeadLetter", "retryDeadLetters", "startRebuild"];
    let [a, b, c, d] = posts.map(|operation| slow(path_of(operation)));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    for (operation, status) in posts.into_iter().zip([a, b, c, d]) {
        assert_eq!(status, 408, "{operation}");
        compare.status(operation, status);
    }
}

async fn decisions(world: &World, compare: &mut Comparison) {
    let post = async |path: &str, body: &str| send(world, "POST", path, body).await;
    for status in [200, 409] {
        let response = post("/dead-letters/0-3/retry", "").await;
        assert_eq!(response.status(), status);
        compare.answer("retryDeadLetter", response).await;
        let response = post("/dead-letters/0-4/discard", DISCARD).await;
        assert_eq!(response.status(), status);
        compare.answer("discardDeadLetter", response).await;
    }
    compare.answer("retryDeadLetter", post("/dead-letters/0-5/retry", "").await).await;
    let report = compare
        .answer("retryDeadLetters", post("/dead-letters/retry?cause=bad_json", r#"{"reason":"x"}"#).await)
        .await;
    assert_eq!(report["still_refused"], 1, "{report}");
    compare.answer("getOrderHistory", world.get("/orders/C/history").await).await;
}

async fn rebuilds(world: &World, compare: &mut Comparison) {
    compare.answer("listRebuilds", world.get("/rebuilds").await).await;
    compare.answer("getRebuild", world.get("/rebuilds/1").await).await;
    // Another process drives a rebuild of the view: it holds the lock of the view's rebuilds.
    world
        .client
        .batch_execute(
            "SELECT pg_advisory_lock(x'00f00d03'::int, hashtext('orders'));
             INSERT INTO public.rebuilds (view, state, switch, runner)
             VALUES ('orders', 'loading', 'auto', 'another process')",
        )
        .await
        .unwrap();
    let running = send(world, "POST", "/rebuilds", "").await;
    assert_eq!(running.status(), 409);
    compare.answer("startRebuild", running).await;
    let asked = send(world, "POST", "/rebuilds/2/cancel", "").await;
    assert_eq!(asked.status(), 202);
    let asked = compare.answer(CANCEL, asked).await;
    assert_eq!(
        (&asked["state"], &asked["cancel_requested_by"]),
        (&"loading".into(), &"api".into()),
        "{asked}"
    );
    let ended = send(world, "POST", "/rebuilds/1/cancel", "").await;
    assert_eq!(ended.status(), 409);
    compare.answer(CANCEL, ended).await;

    let topic = Topic::new(1).await;
    topic.create_orders(&["A"]).await;
    let with_kafka = World::with(&[&topic.flags()[..], &["--api-admin-token", TOKEN]].concat()).await;
    let known = async || with_kafka.json("/lag").await["views"][0]["events_behind"] == 1;
    with_kafka.until("the ends of the log are known", known).await;
    compare.answer("getLag", with_kafka.get("/lag").await).await;
    let planned = send(&with_kafka, "POST", "/rebuilds", r#"{"dry_run":true}"#).await;
    assert_eq!(planned.status(), 200);
    compare.answer("startRebuild", planned).await;
    let begun = send(&with_kafka, "POST", "/rebuilds", "").await;
    assert_eq!(begun.status(), 202);
    compare.answer("startRebuild", begun).await;
}

/// The api was started without an admin token.
async fn without_a_token(compare: &mut Comparison) {
    let world = World::with(&["--kafka-bootstrap-servers", NOWHERE]).await;
    for (operation, method, path) in OPERATIONS {
        if method == "POST" || operation.contains("DeadLetter") {
            let response = send(&world, method, path, "").await;
            assert_eq!(response.status(), 403, "{operation}");
            compare.answer(operation, response).await;
        }
    }
}

async fn without_a_database(compare: &mut Comparison) {
    let url = "postgres://u:p@127.0.0.1:1/food_orders";
    let api = Api::start(url, &["--api-admin-token", TOKEN, "--kafka-bootstrap-servers", NOWHERE]).await;
    for (operation, method, path) in OPERATIONS {
        if ["getLive", "getMetrics"].contains(&operation) {
            continue;
        }
        let response = send(&api, method, path, DISCARD).await;
        assert_eq!(response.status(), 503, "{operation}");
        compare.answer(operation, response).await;
    }
}

/// Runs last, because the tables are gone afterwards.
async fn damaged_tables(world: &World, compare: &mut Comparison) {
    world
        .client
        .batch_execute("DROP SCHEMA build_1 CASCADE; DROP TABLE public.rebuilds CASCADE")
        .await
        .unwrap();
    for (operation, method, path) in OPERATIONS.into_iter().filter(|(id, _, _)| !PROBES.contains(id)) {
        let response = send(world, method, path, DISCARD).await;
        // The body of a rebuild has no reason.
        let response =
            if operation == "startRebuild" { send(world, method, path, "").await } else { response };
        assert_eq!(response.status(), 500, "{operation}");
        compare.answer(operation, response).await;
    }
}

/// A rebuild that failed after its verification, with everything that a row can say.
async fn a_rebuild_with_all_members(world: &World) {
    let statement = "INSERT INTO public.rebuilds (view, state, switch, build, reason, runner, finished_at, plan, progress, differences)
        VALUES ('orders', 'failed', 'manual', 1, 'a test', 'api', now(), $1::text::jsonb, $2::text::jsonb, $3::text::jsonb)";
    let plan = r#"{"live_build":1,"cluster_id":"c","topic":"t","topic_id":"i","partitions":[{"partition":0,"begin":0,"end":9,
        "live_position":9,"live_records":9,"live_digest":"0123456789abcdef"}],"events":9,"bytes":5400,"disk_needed_bytes":8100,"disk_free_bytes":null,"events_per_second":50000.0,
        "rate_source":"default","estimated_seconds":0.1,"topic_warnings":["a warning"],"log_comparison":{"records_compared":9,
        "records_total":9,"differences":[{"partition":0,"from_offset":0,"to_offset":9,"live_records":9,"log_records":8}]}}"#;
    let progress = r#"{"state":"verifying","partitions":[{"partition":0,"from":0,"to":9,"loaded":9}],"events":9,"events_total":18,
        "events_per_second":9.0,"eta_seconds":1.5,"waits_for":"a lock","phases":[{"state":"loading","events":9,"seconds":1.0}]}"#;
    let differences = r#"{"total":2,"unexplored_stretches":0,"listed":[
        {"table":"orders","order_id":"A","column":"status","expected":"paid","found":null},
        {"table":"order_history","partition":0,"offset":3,"expected":"a record","found":"another"}]}"#;
    world.client.execute(statement, &[&plan, &progress, &differences]).await.unwrap();
    let rebuild = world.json("/rebuilds/1").await;
    for member in ["plan", "progress", "differences"] {
        assert!(rebuild[member].is_object(), "{member} cannot be read: {rebuild}");
    }
}

fn path_of(operation: &str) -> &'static str {
    let found = OPERATIONS.into_iter().find(|(id, _, _)| *id == operation);
    found.unwrap_or_else(|| panic!("no operation {operation}")).2
}

/// Sends the admin token, and the body as JSON if there is one.
async fn send(api: &Api, method: &str, path: &str, body: &str) -> Response {
    let request = api.request(method.parse().unwrap(), path).bearer_auth(TOKEN);
    let request = if method == "POST" {
        request.header(CONTENT_TYPE, "application/json").body(body.to_owned())
    } else {
        request
    };
    request.send().await.unwrap()
}
