//! The program with a real Kafka: lines go in by standard input, rows come out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use local_stack::TestServers;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

async fn program(topic: &str, arguments: &[&str]) -> Child {
    let servers = TestServers::shared().await.expect("Kafka for the tests");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stock-ticks"));
    command.env("KAFKA_BOOTSTRAP_SERVERS", servers.bootstrap_servers()).env("KAFKA_TOPIC", topic);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    pipes.args(arguments).spawn().unwrap()
}

fn interrupt(child: &Child) {
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
}

#[tokio::test]
async fn typed_lines_become_rows_and_ctrl_c_ends_both() {
    let topic = TestServers::shared().await.unwrap().fresh_topic_name();
    let mut producer = program(&topic, &["produce", "--stdin"]).await;
    let lines = b"\"AAPL: $150\"\nAAPL: $151.50\nnonsense\n\xff\nAAPL: $149.9\n\"MSFT: $0.05\"\n";
    producer.stdin.take().unwrap().write_all(lines).unwrap();
    let output = producer.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("\"nonsense\" is skipped: there is no colon"), "{log}");

    let mut consumer = program(&topic, &["consume"]).await;
    let rows = BufReader::new(consumer.stdout.take().unwrap()).lines().take(4);
    let rows: Vec<_> = rows.map(|row| row.unwrap()).collect();
    interrupt(&consumer);
    assert_eq!(consumer.wait().unwrap().code(), Some(0));
    let cells: Vec<Vec<_>> = rows.iter().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(cells[0][2..], ["$150.00"; 4]);
    // The third tick may be in another minute than the first.
    assert_eq!((cells[2][0], cells[2][2]), ("AAPL", "$149.90"));
    assert_eq!((cells[3][0], &cells[3][2..]), ("MSFT", &["$0.05"; 4][..]));
}

#[tokio::test]
async fn made_up_ticks_go_on_until_ctrl_c() {
    let topic = TestServers::shared().await.unwrap().fresh_topic_name();
    let producer = program(&topic, &["produce"]).await;
    let mut consumer = program(&topic, &["consume"]).await;
    let rows: Vec<_> =
        BufReader::new(consumer.stdout.take().unwrap()).lines().take(3).map(|row| row.unwrap()).collect();
    for mut child in [producer, consumer] {
        interrupt(&child);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let known = |row: &String| ["AAPL", "GOOGL", "MSFT"].contains(&row.split(' ').next().unwrap());
    assert!(rows.len() == 3 && rows.iter().all(known), "{rows:?}");
}

#[tokio::test]
async fn help_names_both_commands() {
    let help = Command::new(env!("CARGO_BIN_EXE_stock-ticks")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for part in ["produce", "consume", "--topic", "--kafka-bootstrap-servers", "--shutdown-timeout-seconds"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
