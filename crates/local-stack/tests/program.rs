//! The `local-stack` program, as people and scripts use it.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::folder;

fn program(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command.args(arguments).env("FOOD_ORDERS_DATA_DIR", data);
    for name in
        ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "FOOD_ORDERS_KAFKA_PORT", "FOOD_ORDERS_POSTGRES_PORT"]
    {
        command.env_remove(name);
    }
    command
}

fn output(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program(data, arguments).stdin(Stdio::null()).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Starts `run` on free ports and waits for its ready line.
fn start_run(data: &Path, more: &[&str]) -> Child {
    let mut arguments = vec!["run", "--kafka-port", "0", "--postgres-port", "0"];
    arguments.extend(more);
    let mut child = program(data, &arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready kafka=127.0.0.1:"), "{line}");
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

fn server_pids(data: &Path) -> Vec<u32> {
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("state.json")).unwrap()).unwrap();
    ["kafka", "postgres"]
        .map(|server| u32::try_from(state[server]["pid"].as_u64().unwrap()).unwrap())
        .to_vec()
}

/// A zombie does not count: an orphan may have no parent that waits for it.
fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

fn wait_until_gone(pids: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while pids.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "still alive: {pids:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn exec_gives_a_command_servers_and_returns_its_exit_code() {
    let data = folder();
    let script = "echo $FOOD_ORDERS_TEST_KAFKA $KAFKA_BOOTSTRAP_SERVERS $FOOD_ORDERS_TEST_DATABASE_URL $DATABASE_URL; exit 7";
    let (code, text) = output(data.path(), &["exec", "--no-fsync", "--", "sh", "-c", script]);
    assert_eq!(code, Some(7), "{text}");
    assert_eq!(text.matches("127.0.0.1:").count(), 5, "{text}");
    let scratch = text.rsplit_once("data in ").unwrap().1.lines().next().unwrap();
    assert!(!Path::new(scratch).exists(), "{scratch} is still there");
}

#[test]
fn exec_returns_128_plus_the_signal_that_ended_the_command() {
    let (code, text) = output(folder().path(), &["exec", "--no-fsync", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(code, Some(137), "{text}");
}

#[test]
fn kafkas_own_tools_find_the_running_broker() {
    let data = folder();
    let mut run = start_run(data.path(), &[]);
    let (code, text) = output(data.path(), &["kafka", "topics", "--create", "--topic", "t"]);
    assert_eq!(code, Some(0), "{text}");
    let (_, text) = output(data.path(), &["kafka", "kafka-get-offsets.sh", "--topic", "t"]);
    assert_eq!(text.trim(), "t:0:0");
    let (code, text) = output(data.path(), &["kafka", "topic"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("console-consumer"), "{text}");
    signal(&run, Signal::SIGTERM);
    assert!(run.wait().unwrap().success());
}

#[test]
fn one_stack_runs_per_folder_and_down_stops_it() {
    let data = folder();
    assert_eq!(output(data.path(), &["status"]).0, Some(1));
    let mut run = start_run(data.path(), &[]);
    let pids = server_pids(data.path());
    let (code, text) = output(data.path(), &["status"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = output(data.path(), &["run"]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("already running: pid {}", run.id())), "{text}");

    let (code, text) = output(data.path(), &["down"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(run.wait().unwrap().success());
    wait_until_gone(&pids);
    let (code, text) = output(data.path(), &["down"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("Nothing is running"), "{text}");
}

#[test]
fn the_servers_end_with_a_killed_run_and_the_next_run_starts() {
    let data = folder();
    let mut run = start_run(data.path(), &[]);
    let pids = server_pids(data.path());
    run.kill().unwrap();
    run.wait().unwrap();
    // Immediately, while the old servers may still be writing.
    let mut run = start_run(data.path(), &[]);
    wait_until_gone(&pids);
    signal(&run, Signal::SIGINT);
    assert!(run.wait().unwrap().success());
}

#[test]
fn run_ends_when_its_standard_input_is_closed() {
    let data = folder();
    let mut run = start_run(data.path(), &["--while-stdin-open"]);
    let pids = server_pids(data.path());
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
    wait_until_gone(&pids);
}

#[test]
fn a_busy_port_is_named_with_its_flag() {
    let data = folder();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (code, text) = output(data.path(), &["run", "--kafka-port", "0", "--postgres-port", &port]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("port {port}, which PostgreSQL needs, is in use")), "{text}");
    assert!(text.contains("--postgres-port"), "{text}");
}

#[test]
fn reset_asks_first_and_refuses_a_foreign_folder() {
    let data = folder();
    fs::write(data.path().join("holiday.jpg"), "").unwrap();
    let (code, text) = output(data.path(), &["reset", "--yes"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("not a data folder"), "{text}");
    assert!(data.path().join("holiday.jpg").exists());

    let own = data.path().join("own");
    fs::create_dir_all(own.join("kafka")).unwrap();
    let (code, text) = output(&own, &["reset"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--yes") && own.exists(), "{text}");
    assert_eq!(output(&own, &["reset", "--yes"]).0, Some(0));
    assert!(!own.exists());
}

#[test]
fn an_output_that_cannot_be_written_ends_nothing() {
    let data = folder();
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    for output in [closed, full] as [fn() -> Stdio; 2] {
        for (arguments, code) in [(["status"], 1), (["down"], 0), (["--help"], 0), (["nothing"], 2)] {
            let ended = program(data.path(), &arguments).stdout(output()).stderr(output()).status().unwrap();
            assert_eq!(ended.code(), Some(code), "{arguments:?}");
        }
    }
}
