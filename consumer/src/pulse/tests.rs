//! Each loop is made to hang by blocking its thread, and `/health/live` has to turn red and name the
//! loop. A server that is away must leave it green.

use std::cell::Cell;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use event_log::{ChunkLimits, Consumer, EndsWatch, KafkaSettings, LaneQueue, Membership};
use retry::Backoff;
use schema_registry::SchemaLookup;
use tokio::sync::mpsc;
use views::apply::Codec;
use views::lane::{Lane, LaneOptions};
use views::{Database, SynchronousCommit};

use super::*;
use crate::lane_partitions::LanePartitions;
use crate::lane_task::{Command, LaneTask};

/// Longer than one round of an idle lane (2 s).
const LIMIT: Duration = Duration::from_secs(8);
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Blocks threads that try to pass while it is closed.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set_closed(&self, is_closed: bool) {
        *self.0.0.lock().unwrap() = is_closed;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let _open = self.0.1.wait_while(self.0.0.lock().unwrap(), |is_closed| *is_closed).unwrap();
    }
}

/// Beats, and then hangs while the gate is closed.
fn hanging_at(gate: &Gate, health: &Health, name: &'static str) -> Heartbeat {
    let (pulse, gate) = (Pulse::new(health, (name, LIMIT)), gate.clone());
    Heartbeat::new(move || {
        pulse.beat();
        gate.pass();
    })
}

/// A broker that is away.
fn no_kafka() -> KafkaSettings {
    KafkaSettings::new("127.0.0.1:1", "food-orders")
}

fn is_live(health: &Health) -> bool {
    health.live().is_fine()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < GIVE_UP_AFTER, "{what}: not within {GIVE_UP_AFTER:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Live for longer than the limit; not live once the gate is closed; live again.
fn check(health: &Health, name: &str, gate: &Gate) {
    wait_until("the first beat", || health.live().checks.iter().any(|(check, _)| *check == name));
    let began = Instant::now();
    while began.elapsed() < LIMIT + LIMIT / 2 {
        assert!(is_live(health), "{:?}", health.live());
        std::thread::sleep(Duration::from_millis(50));
    }
    gate.set_closed(true);
    wait_until("not live", || !is_live(health));
    let red = health.live().checks.into_iter().find(|(_, state)| state.is_err()).unwrap();
    assert_eq!(red.0, name);
    assert!(red.1.as_ref().unwrap_err().contains("no sign of life"), "{red:?}");
    gate.set_closed(false);
    wait_until("live again", || is_live(health));
}

#[test]
fn a_polling_thread_that_hangs_makes_the_process_not_live() {
    let (health, gate) = (Health::default(), Gate::default());
    let membership = Membership {
        group_id: "g".into(),
        mark: String::new(),
        lanes: vec![Arc::new(LaneQueue::new(ChunkLimits::default()))],
        heartbeat: hanging_at(&gate, &health, "polling"),
    };
    let (_consumer, _events) = Consumer::join(&no_kafka(), membership).unwrap();
    check(&health, "polling", &gate);
}

/// The thread ends only when its owner drops it, or with a panic, which ends the process.
#[test]
fn a_watch_of_the_end_offsets_that_hangs_makes_the_process_not_live() {
    let (health, gate) = (Health::default(), Gate::default());
    let heartbeat = hanging_at(&gate, &health, "end offsets");
    gate.set_closed(true);
    let _watch = EndsWatch::start(&no_kafka(), Duration::from_millis(100), heartbeat).unwrap();
    wait_until("not live", || !is_live(&health));
    gate.set_closed(false);
    wait_until("live again", || is_live(&health));
}

/// A thread that has ended does not beat either.
#[test]
fn a_watch_of_the_end_offsets_that_has_ended_makes_the_process_not_live() {
    let health = Health::default();
    let heartbeat = hanging_at(&Gate::default(), &health, "end offsets");
    let watch = EndsWatch::start(&no_kafka(), Duration::from_millis(100), heartbeat).unwrap();
    wait_until("the first beat", || !health.live().checks.is_empty());
    drop(watch);
    // A query that is still in flight may take 5 s, and is followed by a last beat.
    let last_live = Cell::new(Instant::now());
    wait_until("not live for good", || {
        if is_live(&health) {
            last_live.set(Instant::now());
        }
        last_live.get().elapsed() > 2 * LIMIT
    });
}

/// A lane on a thread of its own, which another task can block.
fn start_lane(health: &Health, database: &str, gate: &Gate) -> mpsc::UnboundedSender<Command> {
    let (commands, receiver) = mpsc::unbounded_channel();
    let database = Database::parse(&database.to_owned().into(), None).unwrap();
    let codec = Codec::new("food-orders", 1000);
    let schemas = SchemaLookup::new(&codec.schemas, &database, None);
    let lane = Lane::new(LaneOptions {
        database,
        codec,
        group: None,
        owner: "test".into(),
        synchronous_commit: SynchronousCommit::Off,
        has_breaker: false,
    });
    let task = LaneTask {
        lane,
        queue: Arc::new(LaneQueue::new(ChunkLimits::default())),
        commands: receiver,
        events: mpsc::unbounded_channel().0,
        health: health.clone(),
        pulse: Pulse::new(health, ("lane 0", LIMIT)),
        partitions: LanePartitions::default(),
        backoff: Backoff::default(),
        schemas,
        waits_for_schemas: false,
    };
    let gate = gate.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let blocks = async {
                loop {
                    gate.pass();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                _ = task.run() => {}
                () = blocks => {}
            }
        });
    });
    commands
}

#[test]
fn a_lane_that_hangs_makes_the_process_not_live() {
    let (health, gate) = (Health::default(), Gate::default());
    let _commands = start_lane(&health, "postgres://nobody@127.0.0.1:1/nothing", &gate);
    check(&health, "lane 0", &gate);
}

/// The server accepts the connection and never answers, like a frozen one.
#[test]
fn a_lane_that_waits_for_a_frozen_database_is_live() {
    let (health, gate) = (Health::default(), Gate::default());
    let frozen = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/nothing?sslmode=disable", frozen.local_addr().unwrap());
    let commands = start_lane(&health, &url, &gate);
    let claim = vec![(orders::Partition(0), event_log::Generation(1))];
    assert!(commands.send(Command::Claim(claim)).is_ok());
    let (_connection, _) = frozen.accept().unwrap();
    check(&health, "lane 0", &gate);
}

/// The process is live, and the check `database` says why it is not ready.
#[test]
fn a_lane_whose_database_is_away_is_live_and_not_ready() {
    let (health, gate) = (Health::default(), Gate::default());
    let commands = start_lane(&health, "postgres://nobody@127.0.0.1:1/nothing", &gate);
    let claim = vec![(orders::Partition(0), event_log::Generation(1))];
    assert!(commands.send(Command::Claim(claim)).is_ok());
    let refused = || {
        let ready = health.ready().checks;
        ready.iter().any(|(name, state)| *name == "database" && state.is_err())
    };
    wait_until("the database's reason", refused);
    check(&health, "lane 0", &gate);
}
