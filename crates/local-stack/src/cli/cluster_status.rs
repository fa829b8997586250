//! The part of `status` about a cluster of several brokers.

use super::described::Described;
use super::progress;
use super::state::{ServerState, State};
use super::table;
use crate::error::Result;
use crate::process::{is_stopped, start_time};

pub fn print(state: &State) -> Result<()> {
    let described = Described::ask(&state.kafka.address, &state.topic)?;
    output::say!("");
    print_rows(&brokers(state, described.controller.as_deref()));
    if described.controller.is_none() {
        output::say!("  No majority of the brokers answers, so no leader can be elected.");
    }
    output::say!("");
    print_rows(&partitions(state, &described));
    Ok(())
}

fn print_rows(rows: &[Vec<String>]) {
    for line in table::lines(rows) {
        output::say!("  {line}");
    }
}

fn brokers(state: &State, controller: Option<&str>) -> Vec<Vec<String>> {
    let mut rows = vec![row(["broker", "state", "address", "controller", "pid", "log"])];
    for (number, broker) in (1..).zip(&state.brokers) {
        let number: i32 = number;
        let (number, pid) = (number.to_string(), broker.pid.map(|pid| pid.to_string()));
        let leads = if controller == Some(number.as_str()) { "active" } else { "-" };
        let log = broker.log.display().to_string();
        rows.push(row([
            &number,
            process_state(broker),
            &broker.address,
            leads,
            pid.as_deref().unwrap_or("-"),
            &log,
        ]));
    }
    rows
}

fn process_state(server: &ServerState) -> &'static str {
    match server.pid {
        Some(pid) if start_time(pid).is_none() => "down",
        Some(pid) if is_stopped(pid) => "frozen",
        Some(_) => "up",
        None => "down",
    }
}

fn partitions(state: &State, described: &Described) -> Vec<Vec<String>> {
    let known = progress::ask(state);
    let mut rows = vec![row(["partition", "leader", "in-sync", "consumer", "position", "end", "lag"])];
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for partition in &described.partitions {
        let progress = known.get(&partition.number).cloned().unwrap_or_default();
        rows.push(vec![
            partition.number.to_string(),
            partition.leader.clone(),
            partition.in_sync.clone(),
            progress.consumer.unwrap_or_else(|| "-".to_owned()),
            number(progress.position),
            number(progress.end),
            number(progress.lag),
        ]);
    }
    rows
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}
