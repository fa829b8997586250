//! Random faults under load, for a long time, with the oracle at intervals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: a panic is how it tells that something is wrong"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Parser;
use end_to_end::harness::{Lost, Network, Own, PATIENCE, Program, Proxy, Stage, eventually};
use local_stack::{Kafka, Postgres};
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

/// Kills, freezes, restarts and cuts at random, under a producer, and lets the oracle look every minute or so.
///
/// With a Kafka and a PostgreSQL of its own. Ends with 0 if the tables were always what the log implies, and prints what
/// it did. What happened stands in the logs of the programs, whose last lines are shown if something was wrong.
#[derive(Parser, Debug)]
#[command(name = "food-orders-soak", version)]
struct Args {
    /// How long
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    minutes: f64,

    /// The same seed takes the same faults; when they hit is still a matter of chance. Random without it
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// How many consumers
    #[arg(long, value_name = "N", default_value_t = 3)]
    consumers: usize,

    /// Events per second
    #[arg(long, value_name = "RATE", default_value_t = 500)]
    rate: u32,
}

struct Soak {
    random: StdRng,
    // Before the stage, which has their logs.
    consumers: Vec<Program>,
    stage: Stage,
    proxy: Proxy,
    kafka: Own<Kafka>,
    postgres: Own<Postgres>,
    tally: BTreeMap<&'static str, u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(rand::random);
    println!("seed: {seed}");
    let (kafka, postgres) = (Own::kafka(), Own::postgres(&[]));
    let stage = Stage::on(kafka.bootstrap_servers(), "food-orders-soak".into(), postgres.url());
    stage.create_topic(6).await;
    let proxy = Proxy::before(&stage.database_url);
    let random = StdRng::seed_from_u64(seed);
    let mut soak =
        Soak { random, stage, proxy, consumers: Vec::new(), kafka, postgres, tally: BTreeMap::new() };
    for _ in 0..args.consumers.max(1) {
        let consumer = soak.start_consumer();
        soak.consumers.push(consumer);
    }
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    while Instant::now() < end {
        let producer = soak
            .stage
            .program("producer")
            .args(&format!(
                "--rate {} --time-compression 2000 --cancel-share 0.2 --duplicate-share 0.02",
                args.rate
            ))
            .start();
        let round = end.min(Instant::now() + Duration::from_secs(60));
        while Instant::now() < round {
            soak.fault().await;
            soak.nobody_has_ended();
        }
        assert_eq!(producer.terminate(PATIENCE).await, 0, "the producer's exit code");
        soak.compare().await;
    }
    println!("{:?}", soak.tally);
}

impl Soak {
    /// Through the proxy, with batches of a random size.
    fn start_consumer(&mut self) -> Program {
        let batch = self.random.random_range(20..5000).to_string();
        let synchronous = if self.random.random_bool(0.5) { "on" } else { "off" };
        self.stage
            .program("consumer")
            .env("DATABASE_URL", self.proxy.url(&self.stage.database_url))
            .env("BATCH_RECORDS", batch)
            .env("SYNCHRONOUS_COMMIT", synchronous)
            .start()
    }

    async fn fault(&mut self) {
        sleep(Duration::from_millis(self.random.random_range(0..4000))).await;
        let one = self.random.random_range(0..self.consumers.len());
        let name = match self.random.random_range(0..100) {
            0..15 => {
                let fresh = self.start_consumer();
                std::mem::replace(&mut self.consumers[one], fresh).kill().await;
                "kill -9 of a consumer"
            }
            15..27 => {
                let fresh = self.start_consumer();
                let mut consumer = std::mem::replace(&mut self.consumers[one], fresh);
                // Before its first line it has no handler of signals yet.
                consumer.says("ready", PATIENCE).await;
                let code = consumer.terminate(PATIENCE).await;
                assert_eq!(code, 0, "exit code after SIGTERM");
                "SIGTERM to a consumer"
            }
            27..40 => {
                self.consumers[one].freeze().await;
                sleep(Duration::from_millis(self.random.random_range(0..18_000))).await;
                self.consumers[one].signal(Signal::SIGCONT);
                "consumer frozen"
            }
            40..50 => {
                self.postgres.stop_immediate().unwrap();
                self.postgres.restart().unwrap();
                "PostgreSQL crashed"
            }
            50..56 => {
                self.kafka.kill().unwrap();
                self.kafka.restart().unwrap();
                "Kafka killed"
            }
            56..60 => {
                self.kafka.restart().unwrap();
                "Kafka restarted"
            }
            60..66 => {
                self.kafka.pause();
                sleep(Duration::from_millis(self.random.random_range(0..8000))).await;
                self.kafka.resume();
                "Kafka frozen"
            }
            66..78 => {
                self.proxy.cut();
                "database connections cut"
            }
            78..88 => {
                let lost = if self.random.random_bool(0.5) { Lost::Answer } else { Lost::Request };
                self.proxy.lose_next_commit(lost);
                "COMMIT lost"
            }
            88..94 => {
                let time = Duration::from_millis(self.random.random_range(1..200));
                self.network(Network::Delays(time)).await;
                "database slow"
            }
            _ => {
                self.network(Network::Swallows).await;
                self.proxy.cut();
                "database connections silent, then cut"
            }
        };
        *self.tally.entry(name).or_default() += 1;
    }

    async fn network(&mut self, network: Network) {
        self.proxy.set(network);
        sleep(Duration::from_millis(self.random.random_range(0..5000))).await;
        self.proxy.set(Network::Passes);
    }

    fn nobody_has_ended(&mut self) {
        for consumer in &mut self.consumers {
            assert!(!consumer.has_ended(), "a consumer has ended by itself:\n{}", consumer.log());
        }
    }

    async fn compare(&mut self) {
        let ends = self.stage.ends().await;
        let sql = self.stage.sql().await;
        eventually("all applied", 5 * PATIENCE, async || {
            let positions = self.stage.positions(&sql).await;
            ends.iter()
                .all(|(partition, end)| positions.get(partition).is_some_and(|p| p >= end))
                .then_some(())
        })
        .await;
        assert_eq!(self.stage.check().await.dead_letters, 0, "no record was bad");
        println!("{:?}", self.tally);
    }
}
