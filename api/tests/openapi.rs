use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::world::{TOKEN, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_complete() {
    let world = World::new().await;
    let document = world.json("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "/health/live",
        "/health/ready",
        "/health/started",
        "/lag",
        "/dead-letters",
        "/dead-letters/retry",
        "/dead-letters/{id}",
        "/dead-letters/{id}/discard",
        "/dead-letters/{id}/retry",
        "/metrics",
        "/orders",
        "/orders/{order_id}",
        "/orders/{order_id}/history",
        "/rebuilds",
        "/rebuilds/{id}",
        "/stats",
    ];
    assert_eq!(paths, BTreeSet::from(expected));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string() && operation["operationId"].is_string(),
                "{method} {path}"
            );
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{method} {path}");
        }
    }
    let list = &document["paths"]["/orders"]["get"];
    let names: Vec<_> =
        list["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    for name in ["status", "limit", "cursor", "as_of", "as_of_offsets", "clock", "decision", "projection"] {
        assert!(names.contains(&&Value::from(name)), "{name}");
    }
    assert!(list["responses"]["200"]["headers"]["Applied-Offsets"].is_object());
    assert!(list["responses"]["409"]["content"]["application/problem+json"].is_object());
    references_resolve(&document, &document);
}

fn references_resolve(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "$ref" {
                    let pointer = member.as_str().unwrap().trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                }
                references_resolve(document, member);
            }
        }
        Value::Array(members) => members.iter().for_each(|member| references_resolve(document, member)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_members_that_the_document_says() {
    let world = World::with_three_orders().await;
    let document = world.json("/openapi.json").await;
    for (path, schema) in [
        ("/orders/A", "Order"),
        ("/orders", "OrderList"),
        ("/orders/A/history", "History"),
        ("/stats", "StatsBody"),
        ("/lag", "LagBody"),
        ("/dead-letters", "DeadLetterList"),
        ("/rebuilds", "RebuildList"),
    ] {
        let described = document["components"]["schemas"][schema]["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("no schema {schema}"));
        let answered = world.json(path).await;
        let names = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(answered.as_object().unwrap()), names(described), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_has_the_members_that_the_document_says() {
    let mut world = World::with_three_orders().await;
    world.dead_letter(1, 6, Some("A")).await;
    let document = world.json("/openapi.json").await;
    let dead_letter =
        world.request(Method::GET, "/dead-letters/1-2").bearer_auth(TOKEN).send().await.unwrap();
    let dead_letter: Value = dead_letter.json().await.unwrap();
    let retried =
        world.request(Method::POST, "/dead-letters/retry?cause=bad_json").bearer_auth(TOKEN).send().await;
    let retried: Value = retried.unwrap().json().await.unwrap();
    let names = |map: &Value| map.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    for (answered, schema) in [
        (&dead_letter, "DeadLetter"),
        (&retried, "DeadLettersRetried"),
        (&retried["refusals"][0], "DeadLetterRefusal"),
    ] {
        let described = &document["components"]["schemas"][schema]["properties"];
        assert_eq!(names(answered), names(described), "{schema}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new().await;
    let page = world.get("/docs/").await.text().await.unwrap();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(!page.contains("https://") && !page.contains("http://"), "{page}");
}
