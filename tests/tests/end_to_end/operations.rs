//! What the running programs export at `/metrics` is what docs/operations.md says. That the page has every metric of the
//! code is a rule (`tests/rules/operations.rs`).

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::harness::{GIVE_UP_AFTER, Stage, eventually, free_address, raw, repository, scrape};

/// A row of the tables of metrics: name, programs, kind, meaning.
struct Row {
    programs: BTreeSet<String>,
    kind: String,
    /// The program exports it from its start on, not only once there is something to count.
    from_the_start: bool,
}

fn documented() -> BTreeMap<String, Row> {
    let page = std::fs::read_to_string(repository("docs/operations.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells.first()?.strip_prefix('`')?.split_once('`')?.0;
        let kind = cells.get(2)?.split(',').next()?;
        // What follows a semicolon says when it begins.
        if !["counter", "gauge", "histogram"].contains(&kind) {
            return None;
        }
        let programs = cells[1].split(", ").map(str::to_owned).collect();
        let from_the_start = !cells[2].contains(';');
        Some((name.to_owned(), Row { programs, kind: kind.to_owned(), from_the_start }))
    });
    rows.collect()
}

/// The names and kinds of what a program exports.
fn exported(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            (name.to_owned(), kind.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn each_program_exports_what_the_page_says() {
    let stage = Stage::new().await;
    let addresses = [free_address(), free_address()];
    let start = |name: &str, address: &str| stage.program(name).env("METRICS_LISTEN", address);
    let _producer = start("producer", &addresses[0]).args("--rate 50 --seed 4").start();
    let _consumer = start("consumer", &addresses[1]).start();
    let api = stage.api().await;
    eventually("an order is applied", GIVE_UP_AFTER, async || {
        let page = api.get("/orders?limit=1").await.ok().json();
        page["orders"].as_array().is_some_and(|orders| !orders.is_empty()).then_some(())
    })
    .await;
    stage.send(vec![raw("not an event")]).await;
    let address = api.base.trim_start_matches("http://");
    let of_the_api =
        scrape(address, &["food_orders_open_dead_letters{view=\"orders\"} 1", "food_orders_lag_seconds{"])
            .await;
    let of_the_consumer =
        scrape(&addresses[1], &["food_orders_dead_letters_total 1", "food_orders_lag_events{"]).await;
    let of_the_producer = scrape(&addresses[0], &["food_orders_produced_events_total{"]).await;

    let documented = documented();
    let mut differences = Vec::new();
    for (program, text) in [("producer", of_the_producer), ("consumer", of_the_consumer), ("api", of_the_api)]
    {
        let exported = exported(&text);
        for (name, kind) in &exported {
            let row = documented.get(name).filter(|row| row.programs.contains(program));
            if row.is_none_or(|row| row.kind != *kind) {
                differences.push(format!("{program} exports the {kind} {name}"));
            }
        }
        let expected =
            documented.iter().filter(|(_, row)| row.programs.contains(program) && row.from_the_start);
        let missing = expected.filter(|(name, _)| !exported.contains_key(*name));
        differences.extend(missing.map(|(name, _)| format!("{program} does not export {name}")));
    }
    assert!(differences.is_empty(), "docs/operations.md says otherwise: {differences:#?}");
}
