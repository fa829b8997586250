//! `up`, with stand-ins for our programs: the order in which they start and end, and what follows when one
//! ends by itself.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use common::folder;

/// A folder with `local-stack`, the stand-ins for our programs, and the data folder.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = folder();
        let program = Path::new(env!("CARGO_BIN_EXE_local-stack"));
        let fake = program.with_file_name("examples").join("fake_service");
        // Linked if possible: a file that was just written cannot be run while another thread forks with it
        // open.
        let place = |from: &Path, name: &str| {
            let to = folder.path().join(name);
            fs::hard_link(from, &to).or_else(|_| fs::copy(from, &to).map(drop)).unwrap();
        };
        place(program, "local-stack");
        for name in ["consumer", "api", "producer", "replay-rebuild"] {
            place(&fake, name);
        }
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.folder.path().join("local-stack"));
        command
            .args(arguments)
            // The test command starts servers of its own and names them here.
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .env_remove("DATABASE_URL")
            .env("FOOD_ORDERS_DATA_DIR", self.data())
            .env("FOOD_ORDERS_KAFKA_PORT", "0")
            .env("FOOD_ORDERS_POSTGRES_PORT", "0")
            .env("API_LISTEN", "127.0.0.1:0")
            .env("FAKE_JOURNAL", self.folder.path().join("journal"))
            .stdin(Stdio::null());
        command
    }

    fn state(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.data().join("state.json")).unwrap()).unwrap()
    }

    /// The exit code and all output.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.command(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("journal")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Starts `up` and waits until everything runs.
    fn up(&self, arguments: &[&str]) -> (Child, String) {
        Self::up_of(self.command(&["up"]).args(arguments))
    }

    fn up_of(command: &mut Command) -> (Child, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !text.contains("Ctrl-C stops") {
            assert!(Instant::now() < deadline, "{text}");
            let mut buffer = [0; 4096];
            let read = stdout.read(&mut buffer).unwrap();
            assert!(read > 0, "up has ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        (child, text)
    }

    /// Asks for the status until it is as expected.
    fn status_becomes(&self, is_as_expected: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let output = self.command(&["status"]).output().unwrap();
            let status = String::from_utf8_lossy(&output.stdout).into_owned();
            if is_as_expected(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "{status}");
        }
    }

    fn wait_for(&self, line: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.journal().iter().any(|found| found.starts_with(line)) {
            assert!(Instant::now() < deadline, "no `{line}` in {:?}", self.journal());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_producer_ends_before_the_consumers_and_the_token_is_kept() {
    let stage = Stage::new();
    let (mut up, text) = stage.up(&["--rate", "7", "--consumers", "2"]);
    stage.wait_for("producer started");
    let token = fs::read_to_string(stage.data().join("admin-token")).unwrap();
    assert!(text.contains(token.trim()), "{text}");
    let mode = fs::metadata(stage.data().join("admin-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let status = stage.command(&["status"]).output().unwrap();
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("C2") && status.contains("ready"), "{status}");
    assert!(stage.data().join("logs/C1.log").exists());

    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());
    let journal = stage.journal();
    let started: Vec<&String> = journal.iter().filter(|line| line.contains("started")).collect();
    assert_eq!(started.len(), 4, "{journal:?}");
    assert!(
        journal.contains(&"producer started --rate 7 --orders 0 --format json token=false".to_owned()),
        "{journal:?}"
    );
    assert!(journal.contains(&"api started  token=true".to_owned()), "{journal:?}");
    let ended: Vec<&String> = journal.iter().filter(|line| line.contains("ended")).collect();
    assert_eq!(ended[0], "producer ended", "{journal:?}");
    assert_eq!(ended.len(), 4, "{journal:?}");
    // The next start has the same token.
    let (mut up, _) = stage.up(&["--no-producer"]);
    assert_eq!(fs::read_to_string(stage.data().join("admin-token")).unwrap(), token);
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert!(up.wait().unwrap().success());
}

/// A cluster takes about 7 s to start, so one test shows everything about it.
#[test]
fn a_cluster_outlives_a_broker_and_keeps_its_number_of_brokers() {
    let stage = Stage::new();
    let (mut up, text) = stage.up(&["--brokers", "3", "--consumers", "3"]);
    let kafka = text.lines().find(|line| line.contains("Kafka  ")).unwrap();
    assert_eq!(kafka.matches("127.0.0.1:").count(), 3, "{text}");
    let created = stage
        .command(&["kafka", "topics", "--create", "--topic", "food-orders", "--partitions", "6"])
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
    let in_sync = |status: &str| {
        let words = status.lines().skip_while(|line| !line.contains("in-sync")).skip(1);
        words.filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned)).collect::<Vec<_>>()
    };
    // A broker learns of a new topic a moment after it was created.
    stage.status_becomes(|status| {
        let in_sync = in_sync(status);
        status.matches(" up ").count() == 3
            && status.matches(" active ").count() == 1
            && in_sync.len() == 6
            && in_sync.iter().all(|brokers| brokers.matches(',').count() == 2)
    });

    let state = stage.state();
    let second = i32::try_from(state["brokers"][1]["pid"].as_i64().unwrap()).unwrap();
    kill(Pid::from_raw(second), Signal::SIGKILL).unwrap();
    stage.status_becomes(|status| {
        let in_sync = in_sync(status);
        let gone = in_sync.len() == 6 && in_sync.iter().all(|brokers| !brokers.contains('2'));
        status.contains(" down ") && gone && status.contains(" active ")
    });
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());

    let output = stage.command(&["up"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("made with --brokers 3") && text.contains("reset"), "{text}");
    let (mut up, _) = stage.up(&["--brokers", "3"]);
    let topics = stage.command(&["kafka", "topics", "--list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&topics.stdout).contains("food-orders"));
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());
}

#[test]
fn when_a_program_ends_by_itself_up_fails_with_its_log() {
    let stage = Stage::new();
    let output = stage.command(&["up"]).env("FAKE_DIES", "producer").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("producer ended unexpectedly (exit status: 3)"), "{text}");
    assert!(text.contains("out of cheese"), "{text}");
    let journal = stage.journal();
    assert!(journal.contains(&"api ended".to_owned()), "{journal:?}");
    assert!(journal.contains(&"consumer ended".to_owned()), "{journal:?}");
}

#[test]
fn a_program_that_is_killed_is_started_again() {
    let stage = Stage::new();
    let (mut up, _) = stage.up(&[]);
    stage.wait_for("producer started");
    for name in ["consumer", "api", "producer"] {
        let services = stage.state()["services"].clone();
        let service = services.as_array().unwrap().iter().find(|service| service["name"] == name).unwrap();
        let pid = service["pid"].as_i64().unwrap();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
        stage.status_becomes(|status| {
            let line = status.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            line.contains("ready on") && !line.contains(&format!("pid {pid} "))
        });
    }
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());
    let journal = stage.journal();
    for name in ["consumer", "api", "producer"] {
        let started = journal.iter().filter(|line| line.starts_with(&format!("{name} started"))).count();
        assert_eq!(started, 2, "{journal:?}");
    }
}

#[test]
fn what_runs_is_shown_and_a_rebuild_finds_it() {
    let stage = Stage::new();
    for arguments in [&["kafka", "topics", "--list"][..], &["psql"], &["rebuild"]] {
        let (code, text) = stage.run(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        assert!(text.contains("nothing runs in") && text.contains("./food-orders up"), "{text}");
    }
    let json = |code: i32| -> serde_json::Value {
        let (found, text) = stage.run(&["status", "--json"]);
        assert_eq!(found, Some(code), "{text}");
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(json(1)["state"], "stopped");
    let (mut up, _) = Stage::up_of(stage.command(&["up", "--orders", "5"]).env("FAKE_FINISHES", "producer"));
    stage.status_becomes(|status| status.contains("finished") && !status.contains("does not answer"));
    // On a busy machine, an answer may be late.
    let deadline = Instant::now() + Duration::from_secs(30);
    let status = loop {
        let status = json(0);
        let services = status["services"].as_array().unwrap().iter();
        let conditions: Vec<_> = services.map(|service| &service["condition"]).collect();
        if conditions == ["ready", "ready", "finished"] {
            break status;
        }
        assert!(Instant::now() < deadline, "{status}");
    };
    assert_eq!((&status["state"], &status["pid"]), (&"running".into(), &up.id().into()), "{status}");

    let (code, text) = stage.run(&["rebuild", "--dry-run", "--json"]);
    assert_eq!(code, Some(7), "{text}");
    let (kafka, postgres) = (&status["kafka"]["address"], &status["postgres"]["address"]);
    let expected = format!(
        "KAFKA_BOOTSTRAP_SERVERS={}\nKAFKA_TOPIC=food-orders\nDATABASE_URL={}\narguments=--dry-run --json\n",
        kafka.as_str().unwrap(),
        postgres.as_str().unwrap()
    );
    assert_eq!(text, expected);
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());
}

/// The help is that of the other program, and needs nothing that runs.
#[test]
fn help_is_passed_on() {
    let stage = Stage::new();
    let (_, text) = stage.run(&["kafka", "topics", "--help"]);
    assert!(text.contains("This tool helps to create, delete, describe, or change a topic"), "{text}");
    let (_, text) = stage.run(&["rebuild", "--help"]);
    assert!(text.contains("arguments=--help"), "{text}");
    let (code, text) = stage.run(&["kafka", "--help"]);
    assert!(code == Some(0) && text.contains("console-consumer"), "{text}");
}

#[test]
fn when_a_server_dies_up_fails_after_draining() {
    let stage = Stage::new();
    let (up, _) = stage.up(&[]);
    stage.wait_for("producer started");
    let state = stage.state();
    let kafka = i32::try_from(state["kafka"]["pid"].as_i64().unwrap()).unwrap();
    kill(Pid::from_raw(kafka), Signal::SIGKILL).unwrap();
    let output = up.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stage.journal().contains(&"consumer ended".to_owned()));
}

#[test]
fn the_programs_end_with_a_killed_up() {
    let stage = Stage::new();
    let (mut up, _) = stage.up(&[]);
    stage.wait_for("producer started");
    up.kill().unwrap();
    up.wait().unwrap();
    for name in ["producer", "consumer", "api"] {
        stage.wait_for(&format!("{name} ended"));
    }
}

#[test]
fn a_program_that_is_not_built_is_named_before_anything_starts() {
    let stage = Stage::new();
    fs::remove_file(stage.folder.path().join("api")).unwrap();
    let output = stage.command(&["up"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("has not been built"), "{text}");
    assert!(stage.journal().is_empty());
}
