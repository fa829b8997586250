use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, problem};

const PAID: &[u8] = br#"{"event":"OrderPaid","order_id":"C","payment_method":"cash","sequence":2}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_applies_the_record_and_closes_the_dead_letter() {
    let mut world = World::with_three_orders().await;
    let id = world.dead_lettered(0, "too_large", Some("C"), PAID).await;
    assert_eq!(world.json("/orders/C").await["incomplete"], true);
    let open = world.get("/orders/C?as_of_offsets=0=4").await.text().await.unwrap();

    let answer = world.post(&format!("/dead-letters/{id}/retry"), r#"{"reason":"a larger limit"}"#).await;
    assert_eq!(answer.status(), 200);
    let dead_letter: Value = answer.json().await.unwrap();
    assert_eq!((&dead_letter["state"], &dead_letter["decision"]), (&json!("retried"), &json!(1)));
    assert_eq!(dead_letter["reason"], "a larger limit");
    let order = world.json("/orders/C").await;
    assert_eq!((&order["status"], &order["payment_method"]), (&json!("paid"), &json!("cash")));
    assert_eq!(order["incomplete"], false);
    let history = world.json("/orders/C/history").await;
    assert_eq!(history["records"][1]["decision"], 1, "{history}");
    world.check_totals().await;
    assert_eq!(history["records"][1]["occurred_at"], "2026-01-01T00:00:06Z", "the append time of its record");
    let before = world.get("/orders/C?as_of_offsets=0=4&decision=0").await.text().await.unwrap();
    assert_eq!(before, open, "an older cut still gives the same bytes");

    for act in ["retry", "discard"] {
        let again = world.post(&format!("/dead-letters/{id}/{act}"), r#"{"reason":"again"}"#).await;
        assert!(problem(again, 409).await.contains("is already retried by decision 1"));
    }
    assert_eq!(world.count("public.decisions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_refused_again_changes_nothing() {
    let mut world = World::with_three_orders().await;
    let id = world.dead_lettered(0, "bad_json", Some("C"), b"so what").await;
    let answer = world.post(&format!("/dead-letters/{id}/retry"), "").await;
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["status"], &body["cause"]), (&json!(422), &json!("bad_json")), "{body}");
    assert_eq!(world.count("public.decisions").await, 0);
    assert_eq!(world.json(&format!("/dead-letters/{id}")).await["state"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discard_needs_a_reason_and_completes_the_order() {
    let mut world = World::with_three_orders().await;
    let id = world.dead_lettered(0, "bad_json", Some("C"), b"{").await;
    let path = format!("/dead-letters/{id}/discard");
    for body in
        ["", "{}", r#"{"reason":" "}"#, &json!({"reason": "x".repeat(1001)}).to_string(), r#"{"why":"x"}"#]
    {
        problem(world.post(&path, body).await, 400).await;
    }
    assert_eq!(world.count("public.decisions").await, 0);
    let answer = world.post(&path, r#"{"reason":"sent again"}"#).await;
    let dead_letter: Value = answer.json().await.unwrap();
    assert_eq!(
        (&dead_letter["state"], &dead_letter["reason"]),
        (&json!("discarded"), &json!("sent again")),
        "{dead_letter}"
    );
    assert_eq!(world.json("/orders/C").await["incomplete"], false);
    world.check_totals().await;
    assert_eq!(world.json("/dead-letters?state=discarded").await["dead_letters"][0]["id"], id.as_str());
    problem(world.post(&path, r#"{"reason":"x"}"#).await, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_cause_are_retried_and_counted() {
    let mut world = World::with_three_orders().await;
    for n in 1..=3 {
        // All belong to one order, so one transaction folds them together.
        let value =
            format!(r#"{{"event":"OrderPaid","order_id":"C","sequence":{n},"payment_method":"m{n}"}}"#);
        world.dead_lettered(0, "out_of_range", Some("C"), value.as_bytes()).await;
    }
    let refused =
        world.dead_lettered(1, "out_of_range", None, br#"{"event":"OrderPaid","order_id":""}"#).await;
    world.dead_lettered(1, "bad_json", None, PAID).await;
    let answer = world.post("/dead-letters/retry?cause=out_of_range", "").await;
    assert_eq!(answer.status(), 200);
    let mut report: Value = answer.json().await.unwrap();
    let refusals = report.as_object_mut().unwrap().remove("refusals").unwrap();
    assert_eq!((&refusals[0]["id"], &refusals[0]["cause"]), (&json!(refused), &json!("out_of_range")));
    assert_eq!(
        report,
        json!({"cause": "out_of_range", "retried": 4, "applied": 3, "still_refused": 1, "gone": 0, "closed_meanwhile": 0,
            "complete": true})
    );
    assert_eq!(world.json("/orders/C").await["payment_method"], "m3");
    world.check_totals().await;
    assert_eq!(world.count("public.decisions").await, 3);
    assert_eq!(world.json("/dead-letters?state=open").await["dead_letters"].as_array().unwrap().len(), 2);
    problem(world.post("/dead-letters/retry", "").await, 400).await;
    problem(world.post("/dead-letters/retry?cause=large", "").await, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_retries_apply_the_record_once() {
    let mut world = World::with_three_orders().await;
    let id = world.dead_lettered(0, "too_large", Some("C"), PAID).await;
    let path = format!("/dead-letters/{id}/retry");
    let answers = four_at_once(&world, &path).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 409)), "{answers:?}");
    assert_eq!(world.count("public.decisions").await, 1);
    assert_eq!(world.count("build_1.order_history WHERE decision = 1").await, 1);
    world.check_totals().await;
}

async fn four_at_once(world: &World, path: &str) -> Vec<u16> {
    let post = async || world.post(path, "").await.status().as_u16();
    let (a, b, c, d) = tokio::join!(post(), post(), post(), post());
    vec![a, b, c, d]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_without_the_token() {
    let world = World::new().await;
    for path in ["/dead-letters/0-0/retry", "/dead-letters/0-0/discard", "/dead-letters/retry?cause=bad_json"]
    {
        problem(world.request(Method::POST, path).send().await.unwrap(), 401).await;
    }
    let body = r#"{"reason":"x"}"#;
    problem(world.post("/dead-letters/0-0/retry", body).await, 404).await;
    problem(world.post("/dead-letters/0-0/discard", body).await, 404).await;
    problem(world.post("/dead-letters/x/discard", body).await, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_keeps_only_a_part_needs_the_log() {
    let mut world = World::with_three_orders().await;
    let id = world.dead_lettered(0, "too_large", Some("C"), PAID).await;
    world.client.batch_execute("UPDATE build_1.dead_letters SET payload_bytes = 100000").await.unwrap();
    let dead_letter = world.with_token(&format!("/dead-letters/{id}")).await;
    assert_eq!(dead_letter["payload_is_cut"], true);
    // Kafka is away.
    problem(world.post(&format!("/dead-letters/{id}/retry"), "").await, 503).await;
    assert_eq!(world.count("public.decisions").await, 0);
}
