//! ZooKeeper mode. `./food-orders test --all` runs these tests, because they fetch another Kafka.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local_stack::{
    Downloads, Kafka, KafkaMode, KafkaOptions, ZOOKEEPER_MODE_KAFKA_VERSION, ZOOKEEPER_VERSION,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use common::folder;

fn program(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command.args(arguments).env("FOOD_ORDERS_DATA_DIR", data).stdin(Stdio::null());
    for name in ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"] {
        command.env_remove(name);
    }
    for name in ["FOOD_ORDERS_KAFKA_PORT", "FOOD_ORDERS_ZOOKEEPER_PORT", "FOOD_ORDERS_POSTGRES_PORT"] {
        command.env(name, "0");
    }
    command
}

/// The exit code and all output.
fn output(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = program(data, arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[track_caller]
fn succeed(data: &Path, arguments: &[&str]) -> String {
    let (code, text) = output(data, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    text
}

/// Starts `run` and waits for its ready line.
fn start_run(data: &Path) -> Child {
    let mut child = program(data, &["run", "--kafka", "zookeeper"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready kafka=127.0.0.1:"), "{line}");
    child
}

fn pids(data: &Path) -> Vec<u32> {
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("state.json")).unwrap()).unwrap();
    let pid = |server: &str| u32::try_from(state[server]["pid"].as_u64().unwrap()).unwrap();
    ["kafka", "zookeeper", "postgres"].map(pid).to_vec()
}

fn wait_until_gone(pids: &[u32]) {
    // A zombie does not count: an orphan may have no parent that waits for it.
    let runs = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while pids.iter().any(runs) {
        assert!(Instant::now() < deadline, "still alive: {pids:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "fetches another Kafka"]
fn the_commands_work_in_zookeeper_mode() {
    let data = folder();
    let mut run = start_run(data.path());
    let status = succeed(data.path(), &["status"]);
    let line = |server: &str| status.lines().find(|line| line.trim_start().starts_with(server)).unwrap();
    assert!(line("Kafka").contains(ZOOKEEPER_MODE_KAFKA_VERSION), "{status}");
    assert!(line("ZooKeeper").contains(ZOOKEEPER_VERSION), "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&succeed(data.path(), &["status", "--json"])).unwrap();
    assert_eq!(status["zookeeper"]["version"], ZOOKEEPER_VERSION, "{status}");

    succeed(data.path(), &["kafka", "topics", "--create", "--topic", "t", "--partitions", "2"]);
    let text = succeed(data.path(), &["kafka", "topics", "--describe", "--topic", "t"]);
    assert!(text.contains("PartitionCount: 2"), "{text}");
    let text = succeed(data.path(), &["kafka", "zookeeper-shell", "ls", "/brokers/topics"]);
    assert!(text.lines().any(|line| line == "[t]"), "{text}");

    let all = pids(data.path());
    let text = succeed(data.path(), &["down"]);
    assert!(text.contains("Stopped"), "{text}");
    assert!(run.wait().unwrap().success());
    wait_until_gone(&all);

    // What was written is there after a restart, and the mode stays with the folder.
    let (code, text) = output(data.path(), &["run"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Start with --kafka zookeeper") && text.contains("reset"), "{text}");
    let began = Instant::now();
    let mut run = start_run(data.path());
    println!("started again after {:.1} s", began.elapsed().as_secs_f64());
    let text = succeed(data.path(), &["kafka", "topics", "--list"]);
    assert!(text.lines().any(|line| line == "t"), "{text}");
    let all = pids(data.path());
    let text = succeed(data.path(), &["reset", "--yes"]);
    assert!(text.contains("Deleted"), "{text}");
    assert!(run.wait().unwrap().success());
    wait_until_gone(&all);
    assert!(!data.path().exists());
}

/// The kernel ends all servers with `run`. ZooKeeper then finds the broker's session in its data, and would refuse the broker until
/// that has ended.
#[test]
#[ignore = "fetches another Kafka"]
fn a_stack_that_was_killed_starts_again() {
    let data = folder();
    for _ in 0..2 {
        let mut run = start_run(data.path());
        let all = pids(data.path());
        run.kill().unwrap();
        run.wait().unwrap();
        let began = Instant::now();
        let mut run = start_run(data.path());
        println!("started again after {:.1} s", began.elapsed().as_secs_f64());
        wait_until_gone(&all);
        kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).unwrap();
        assert!(run.wait().unwrap().success());
    }
    let log = fs::read_to_string(data.path().join("kafka/kafka.log")).unwrap();
    assert!(!log.contains("NodeExists"), "{log}");
}

/// A broker does not stop without its ZooKeeper, so it must not be asked to.
#[test]
#[ignore = "fetches another Kafka"]
fn a_lost_zookeeper_ends_the_stack_soon() {
    let data = folder();
    let mut run = program(data.path(), &["run", "--kafka", "zookeeper"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(run.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let all = pids(data.path());
    let began = Instant::now();
    kill(Pid::from_raw(all[1].cast_signed()), Signal::SIGKILL).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("ZooKeeper ended unexpectedly"), "{text}");
    wait_until_gone(&all);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fetches another Kafka"]
async fn a_broker_that_is_killed_or_stopped_keeps_its_topics() {
    let folder = folder();
    let options = KafkaOptions {
        mode: KafkaMode::ZooKeeper,
        quick_start: true,
        ..KafkaOptions::new(folder.path().join("kafka"))
    };
    let mut kafka = Kafka::start(&Downloads::ensure_for(options.mode).unwrap(), &options).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap_servers());
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let topic = NewTopic::new("t", 1, TopicReplication::Fixed(1));
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].clone().unwrap();
    kafka.kill().unwrap();
    kafka.restart().unwrap();
    kafka.restart().unwrap();
    let consumer: BaseConsumer = config.create().unwrap();
    let known = consumer.fetch_metadata(Some("t"), Duration::from_secs(10)).unwrap();
    assert!(known.topics()[0].error().is_none());
    let zookeeper = kafka.zookeeper().unwrap().pid().unwrap();
    drop(kafka);
    wait_until_gone(&[zookeeper]);
}

#[test]
fn several_brokers_are_refused_before_anything_is_made() {
    let data = folder();
    let new = data.path().join("new");
    let (code, text) = output(&new, &["up", "--kafka", "zookeeper", "--brokers", "3"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--kafka zookeeper runs one broker"), "{text}");
    assert!(!new.exists());
}
