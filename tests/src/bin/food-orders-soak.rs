//! Random faults under load, for a long time, with a check by the oracle every minute.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it reports failures by panics, and progress by prints"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Parser;
use end_to_end::harness::{
    Cluster, GIVE_UP_AFTER, LostCommit, Network, OwnServer, Program, Proxy, Stage, eventually,
};
use local_stack::Postgres;
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

/// Injects random faults while a producer writes, and compares the tables with the log about once a minute.
///
/// Starts a Kafka of one or three brokers and a PostgreSQL of its own. Prints which faults it injected; the
/// exit code is 0 if the tables were always what the log implies. After a failure it prints the last lines of
/// the logs of all programs.
#[derive(Parser, Debug)]
#[command(name = "food-orders-soak", version)]
struct Args {
    /// How long to run
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    minutes: f64,

    /// The same seed injects the same faults, although not at the same moments [default: random]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// How many brokers form the cluster: 1 or 3. Of three, one at a time is killed, frozen or restarted, and
    /// the next one not before all replicas are in sync
    #[arg(long, value_name = "N", default_value = "1", value_parser = ["1", "3"])]
    brokers: String,

    /// How many consumers share the topic
    #[arg(long, value_name = "N", default_value_t = 3)]
    consumers: usize,

    /// Events per second of the producer
    #[arg(long, value_name = "RATE", default_value_t = 500)]
    rate: u32,
}

struct Soak {
    random: StdRng,
    // Dropped before the stage, which deletes their logs.
    consumers: Vec<Program>,
    stage: Stage,
    proxy: Proxy,
    kafka: Cluster,
    brokers: u16,
    postgres: OwnServer<Postgres>,
    tally: BTreeMap<&'static str, u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(rand::random);
    output::say!("seed: {seed}");
    let brokers = if args.brokers == "3" { 3 } else { 1 };
    let (kafka, postgres) = (Cluster::of(brokers), OwnServer::postgres(&[]));
    let stage = Stage::on(kafka.bootstrap_servers(), "food-orders-soak".into(), postgres.url());
    stage.create_topic(6).await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let random = StdRng::seed_from_u64(seed);
    let mut soak = Soak {
        random,
        stage,
        proxy,
        consumers: Vec::new(),
        kafka,
        brokers,
        postgres,
        tally: BTreeMap::new(),
    };
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
            soak.inject_fault().await;
            soak.require_all_running();
        }
        assert_eq!(producer.terminate(GIVE_UP_AFTER).await, 0, "the producer's exit code");
        soak.catch_up_and_check().await;
    }
    output::say!("{:?}", soak.tally);
}

impl Soak {
    /// Starts a consumer behind the proxy, with batches of a random size.
    fn start_consumer(&mut self) -> Program {
        let batch = self.random.random_range(20..5000).to_string();
        let synchronous = if self.random.random_bool(0.5) { "on" } else { "off" };
        self.stage
            .consumer_through(&self.proxy)
            .env("BATCH_RECORDS", batch)
            .env("SYNCHRONOUS_COMMIT", synchronous)
            .start()
    }

    async fn inject_fault(&mut self) {
        sleep(Duration::from_millis(self.random.random_range(0..4000))).await;
        let one = self.random.random_range(0..self.consumers.len());
        let name = match self.random.random_range(0..100) {
            0..15 => {
                let successor = self.start_consumer();
                std::mem::replace(&mut self.consumers[one], successor).kill().await;
                "kill -9 of a consumer"
            }
            15..27 => {
                let successor = self.start_consumer();
                let mut consumer = std::mem::replace(&mut self.consumers[one], successor);
                // Until it logs this line, it may not handle signals yet.
                consumer.wait_for_log("ready", GIVE_UP_AFTER).await;
                let code = consumer.terminate(GIVE_UP_AFTER).await;
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
            50..66 => self.disturb_broker().await,
            66..78 => {
                self.proxy.cut();
                "database connections cut"
            }
            78..88 => {
                let lost =
                    if self.random.random_bool(0.5) { LostCommit::Answer } else { LostCommit::Request };
                self.proxy.lose_next_commit(lost);
                "COMMIT lost"
            }
            88..94 => {
                let time = Duration::from_millis(self.random.random_range(1..200));
                self.disturb_network(Network::Delays(time)).await;
                "database slow"
            }
            _ => {
                self.disturb_network(Network::Swallows).await;
                self.proxy.cut();
                "database connections silent, then cut"
            }
        };
        *self.tally.entry(name).or_default() += 1;
    }

    /// Of several brokers, all others run meanwhile.
    async fn disturb_broker(&mut self) -> &'static str {
        let broker = self.random.random_range(1..=self.brokers);
        let time = Duration::from_millis(self.random.random_range(0..8000));
        let name = match self.random.random_range(0..16) {
            0..6 => {
                self.kafka.broker(broker).kill().unwrap();
                // A single one is away for as long as its start takes.
                sleep(if self.brokers > 1 { time } else { Duration::ZERO }).await;
                self.kafka.broker(broker).restart().unwrap();
                "broker killed"
            }
            6..10 => {
                self.kafka.broker(broker).restart().unwrap();
                "broker restarted"
            }
            _ => {
                self.kafka.broker(broker).pause();
                sleep(time).await;
                self.kafka.broker(broker).resume();
                "broker frozen"
            }
        };
        self.kafka.wait_until_all_in_sync(&self.stage).await;
        name
    }

    async fn disturb_network(&mut self, network: Network) {
        self.proxy.set(network);
        sleep(Duration::from_millis(self.random.random_range(0..5000))).await;
        self.proxy.set(Network::Passes);
    }

    fn require_all_running(&mut self) {
        for consumer in &mut self.consumers {
            assert!(!consumer.has_ended(), "a consumer has ended by itself:\n{}", consumer.log());
        }
    }

    async fn catch_up_and_check(&mut self) {
        let ends = self.stage.ends().await;
        let sql = self.stage.sql().await;
        eventually("all records are applied", 5 * GIVE_UP_AFTER, async || {
            let positions = self.stage.positions(&sql).await;
            ends.iter()
                .all(|(partition, end)| positions.get(partition).is_some_and(|p| p >= end))
                .then_some(())
        })
        .await;
        assert_eq!(
            self.stage.check().await.dead_letters,
            0,
            "dead letters, although every record is an event"
        );
        output::say!("{:?}", self.tally);
    }
}
