//! Every command in README.md works: each is run on what `./food-orders up` starts, or by the test that is named here.

use end_to_end::harness::{GIVE_UP_AFTER, eventually, repository};
use serde_json::Value;

use crate::stack::Stack;

/// What begins a command.
const PROGRAMS: [&str; 6] =
    ["./", "curl ", "docker-compose ", "docker compose ", "consumer ", "replay-rebuild "];

/// They run tests for an hour, and no test runs them.
const BY_HAND: [&str; 3] =
    ["./food-orders test --all", "./food-orders test --faults", "./food-orders test --soak MINUTES"];

/// Commands that are not run here, and what runs them.
const ELSEWHERE: [(&str, &str); 6] = [
    ("consumer dead-letters", "tests/tests/end_to_end/decisions/command_line.rs"),
    ("./food-orders up --brokers 3 --consumers 3", "crates/local-stack/tests/up.rs"),
    ("./food-orders test", ".ci/run"),
    ("docker-compose up", "tests/compose.sh"),
    ("docker compose up", "tests/compose.sh"),
    ("./food-orders reset", "crates/local-stack/tests/program.rs"),
];

/// A command, with the lines that are typed into it.
#[derive(Debug, PartialEq, Eq)]
struct Command {
    line: String,
    typed: String,
}

/// The indented lines of the page, and what stands between back quotes, if it begins as a command does.
fn commands(page: &str) -> Vec<Command> {
    let is_command = |text: &str| PROGRAMS.iter().any(|program| text.starts_with(program));
    let mut commands: Vec<Command> = Vec::new();
    for line in page.lines() {
        let Some(indented) = line.strip_prefix("    ") else {
            let quoted = line.split('`').skip(1).step_by(2).filter(|text| is_command(text));
            commands.extend(quoted.map(|line| Command { line: line.to_owned(), typed: String::new() }));
            continue;
        };
        if is_command(indented) {
            // What follows a number sign is a remark.
            let line = indented.split("  #").next().unwrap_or(indented).trim_end().to_owned();
            commands.push(Command { line, typed: String::new() });
        } else if indented.starts_with('{')
            && let Some(command) = commands.last_mut()
        {
            command.typed.push_str(indented);
            command.typed.push('\n');
        }
    }
    commands
}

/// Waits until the API answers with something else than a problem.
async fn ask(stack: &Stack, command: &Command) {
    eventually(&command.line, GIVE_UP_AFTER, async || {
        let answer = stack.run(&command.line, &command.typed).succeed();
        let json: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
        json["type"].is_null().then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_commands_of_the_readme_work() {
    let page = std::fs::read_to_string(repository("README.md")).unwrap();
    let commands = commands(&page);
    let first = commands.first().map(|command| command.line.as_str());
    assert_eq!(first, Some("./food-orders up"), "the commands that follow need what it starts");
    for line in BY_HAND.into_iter().chain(ELSEWHERE.map(|(line, _)| line)) {
        assert!(commands.iter().any(|command| command.line == line), "README.md does not have {line}");
    }
    let stack = Stack::up().await;
    for command in &commands[1..] {
        println!("{}", command.line);
        match command.line.as_str() {
            line if BY_HAND.contains(&line) || ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == line) => {}
            line if line.starts_with("curl ") => ask(&stack, command).await,
            _ => drop(stack.run(&command.line, &command.typed).succeed()),
        }
    }
    stack.down().await;
}

/// The routes of the table, without a body or parameters.
#[tokio::test]
async fn the_routes_of_the_readme_answer() {
    let page = std::fs::read_to_string(repository("README.md")).unwrap();
    let stage = end_to_end::harness::Stage::new().await;
    stage.produce("--orders 1 --start-at-id 1 --seed 1").await;
    stage.catch_up().await;
    let api = stage.api().await;
    assert_eq!(api.post("/rebuilds", "").await.status, 202);
    let rows = page.lines().filter(|line| line.starts_with("| `GET ") || line.starts_with("| `POST "));
    let mut asked = 0;
    for route in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        let route = route.strip_prefix("GET ").unwrap_or(route);
        if !route.starts_with('/') || route.contains('?') {
            continue;
        }
        let path = route.replace("{order_id}", "ORD-000001").replace("{id}", "1");
        api.get(&path).await.ok();
        asked += 1;
    }
    assert!(asked >= 10, "only {asked} routes were found in the table");
}

#[test]
fn commands_are_found() {
    let page = "Run `./food-orders up`, see `GET /stats`.\n\n    curl -s localhost:8080/stats   # totals\n    a ──▶ b\n\
                \x20   ./food-orders kafka console-producer --topic t\n    {\"event\": 1}\n    {\"event\": 2}\n";
    let found = commands(page);
    let lines: Vec<_> = found.iter().map(|command| command.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "./food-orders up",
            "curl -s localhost:8080/stats",
            "./food-orders kafka console-producer --topic t"
        ]
    );
    assert_eq!(found[2].typed, "{\"event\": 1}\n{\"event\": 2}\n");
}
