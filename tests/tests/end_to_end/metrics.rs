//! What Prometheus reads from the programs.

use std::collections::BTreeSet;

use end_to_end::harness::{GIVE_UP_AFTER, Stage, free_address, scrape};

/// The names that a scrape gives a type or a help text to.
fn names<'a>(scrape: &'a str, comment: &str) -> BTreeSet<&'a str> {
    let lines = scrape.lines().filter_map(|line| line.strip_prefix(comment));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// Waits until the program has recorded these, and then looks at all that it has recorded.
async fn check(address: &str, expected: &[&str]) {
    let types: Vec<_> = expected.iter().map(|name| format!("# TYPE {name} ")).collect();
    let scrape = scrape(address, &types).await;
    let (typed, helped) = (names(&scrape, "# TYPE "), names(&scrape, "# HELP "));
    let without: Vec<_> = typed.difference(&helped).collect();
    assert!(without.is_empty(), "without a help text: {without:?}");
    // A help text says in which unit times are.
    let help = scrape.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let unclear: Vec<_> =
        help.filter(|(name, text)| name.ends_with("_seconds") && !text.contains(" seconds")).collect();
    assert!(unclear.is_empty(), "without a unit: {unclear:?}");
}

#[tokio::test]
async fn every_metric_has_a_help_text() {
    let stage = Stage::new().await;
    stage.produce("--orders 20").await;
    let [consumes, produces] = [free_address(), free_address()];
    let consumer = stage.program("consumer").env("METRICS_LISTEN", &consumes).start();
    let producer = stage.program("producer").env("METRICS_LISTEN", &produces).start();
    let api = stage.api().await;
    assert_eq!(api.get("/orders").await.status, 200);
    let recorded = [
        "food_orders_records_applied_total",
        "food_orders_batch_seconds",
        "food_orders_transaction_duration_seconds",
        "food_orders_lag_events",
    ];
    check(&consumes, &recorded).await;
    check(&produces, &["food_orders_produced_events_total"]).await;
    let address = api.base.trim_start_matches("http://");
    check(address, &["http_requests_total", "food_orders_lag_seconds", "food_orders_open_dead_letters"])
        .await;
    for program in [consumer, producer] {
        assert_eq!(program.terminate(GIVE_UP_AFTER).await, 0);
    }
}
