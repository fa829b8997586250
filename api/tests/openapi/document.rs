use std::collections::BTreeSet;

use orders::Cause;
use serde_json::Value;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described() {
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
        "/rebuilds/{id}/cancel",
        "/stats",
    ];
    assert_eq!(paths, BTreeSet::from(expected));
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
        }
    }
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

/// What a client generator relies on, for parameters and bodies.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_bodies_have_their_bounds() {
    let world = World::new().await;
    let document = world.json("/openapi.json").await;
    let parameter = |path: &str, method: &str, name: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        found.unwrap_or_else(|| panic!("{method} {path} has no parameter {name}")).clone()
    };
    for (path, method, name, keyword, value) in [
        ("/orders", "get", "limit", "maximum", "1000"),
        ("/orders", "get", "limit", "default", "50"),
        ("/orders", "get", "sort", "enum", r#"["-last_updated","order_id","-order_id"]"#),
        ("/orders", "get", "status", "enum", r#"["pending","paid","shipped","delivered","cancelled"]"#),
        ("/orders", "get", "decision", "minimum", "0"),
        ("/stats", "get", "projection", "minimum", "0"),
        ("/stats", "get", "clock", "enum", r#"["append","event"]"#),
        ("/lag", "get", "wait_ms", "maximum", "30000"),
        ("/rebuilds", "get", "limit", "maximum", "1000"),
        ("/rebuilds/{id}", "get", "id", "minimum", "1"),
        ("/dead-letters", "get", "state", "enum", r#"["open","retried","discarded"]"#),
        ("/dead-letters/{id}", "get", "id", "pattern", r#""^[0-9]+-[0-9]+$""#),
        ("/dead-letters/{id}/retry", "post", "id", "pattern", r#""^[0-9]+-[0-9]+$""#),
        ("/dead-letters/{id}/discard", "post", "id", "pattern", r#""^[0-9]+-[0-9]+$""#),
    ] {
        let parameter = parameter(path, method, name);
        assert_eq!(parameter["schema"][keyword].to_string(), value, "{method} {path} {name}: {parameter}");
    }
    let cause = parameter("/dead-letters/retry", "post", "cause");
    assert_eq!(
        (&cause["required"], cause["schema"]["enum"].as_array().unwrap().len()),
        (&true.into(), Cause::ALL.len())
    );
    for (path, required) in [
        ("/dead-letters/retry", false),
        ("/dead-letters/{id}/retry", false),
        ("/dead-letters/{id}/discard", true),
        ("/rebuilds", false),
    ] {
        let body = &document["paths"][path]["post"]["requestBody"];
        assert_eq!(body["required"], required, "{path}: {body}");
    }
    assert_eq!(
        document["components"]["schemas"]["RebuildRequest"]["properties"]["view"]["enum"].to_string(),
        r#"["orders"]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new().await;
    let page = world.get("/docs/").await.text().await.unwrap();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(!page.contains("https://") && !page.contains("http://"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_alone_lists_what_there_is() {
    let world = World::new().await;
    let index: Value = world.get("/").await.json().await.unwrap();
    let document: Value =
        world.get(&format!("/{}", index["openapi"].as_str().unwrap())).await.json().await.unwrap();
    let operations =
        |path: &Value| ["get", "post"].iter().filter(|method| path.get(method).is_some()).count();
    let described: usize = document["paths"].as_object().unwrap().values().map(operations).sum();
    let routes = index["routes"].as_object().unwrap();
    assert_eq!(routes.len(), described);
    assert_eq!(routes["GET /orders"], document["paths"]["/orders"]["get"]["summary"]);
}
