//! Topics of its own for each test, the program in all its roles, and the comparison with the fold.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use event_log::{KafkaSettings, NewRecord, Partition, RecordWriter};
use local_stack::TestServers;
use serde_json::Value;

use crate::fold::{Expected, Rules, fold};
use crate::instance::Instance;
use crate::records::{Record, Records, read};

pub const PARTITIONS: i32 = 6;
pub const RULES: Rules = Rules { large_amount: 40_000, requests_per_minute: 200 };
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

pub struct World {
    pub kafka: KafkaSettings,
    prefix: String,
}

impl World {
    pub async fn fresh() -> Self {
        let servers = TestServers::shared().await.expect("Kafka for the tests");
        let prefix = format!("{}-", servers.fresh_topic_name());
        let kafka = KafkaSettings::new(servers.bootstrap_servers(), &format!("{prefix}transaction_requests"));
        Self { kafka, prefix }
    }

    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bank-app"));
        command.env("KAFKA_BOOTSTRAP_SERVERS", &self.kafka.bootstrap_servers);
        command.env("BANK_PREFIX", &self.prefix).args(arguments);
        command
    }

    /// An instance that loses its place after 6 s of silence, the least that brokers allow.
    pub fn instance(&self, name: &str) -> Instance {
        self.instance_with_batches_of_ms(name, 100)
    }

    pub fn instance_with_batches_of_ms(&self, name: &str, batch_ms: u32) -> Instance {
        let rules = ["--large-amount=400.00", "--requests-per-minute=200"];
        let mut command = self.command(&["run", "--instance", name, "--batch-records=200"]);
        command.arg(format!("--batch-ms={batch_ms}"));
        command.args(rules).args(["--consumer-property", "session.timeout.ms=6000"]);
        Instance::start(command)
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub async fn load(&self, seed: u32, accounts: u32, requests: u32, rate: u32) {
        let [seed, accounts, requests, rate] =
            [seed, accounts, requests, rate].map(|number| number.to_string());
        let flags =
            ["load", "--seed", &seed, "--accounts", &accounts, "--requests", &requests, "--rate", &rate];
        let output = self.run(&flags).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What a client writes that is not ours.
    pub async fn write_raw(&self, topic: &str, records: &[(i32, &str)]) {
        let (kafka, topic) = (self.kafka.clone(), self.topic(topic));
        let records: Vec<_> =
            records.iter().map(|(partition, value)| (*partition, (*value).to_owned())).collect();
        let writing = tokio::task::spawn_blocking(move || {
            let writer = RecordWriter::connect(&kafka).unwrap();
            for (partition, value) in &records {
                let partition = Some(Partition(*partition));
                let record = NewRecord { topic: &topic, partition, key: None, value: value.as_bytes() };
                writer.send(&record).unwrap();
            }
            writer.finish(Duration::from_secs(30)).unwrap();
        });
        writing.await.unwrap();
    }

    pub async fn read(&self, name: &str) -> Records {
        read(&self.kafka.of_topic(&self.topic(name))).await
    }

    /// Waits until every request has its decision and no money is under way, and compares all outputs with the fold.
    pub async fn compare(&self) -> Summary {
        let deadline = Instant::now() + DRAINED_WITHIN;
        loop {
            let [requests, decisions] =
                [self.read("transaction_requests").await, self.read("transactions_validated").await];
            if count(&requests) == count(&decisions) {
                let updates = self.read("account_updates").await;
                let expected: Vec<_> = (0..PARTITIONS)
                    .map(|partition| fold(partition, &requests, &updates, &decisions, RULES))
                    .collect();
                let states = self.read("account_balance_updates").await;
                let wanted: usize = expected.iter().map(|expected| expected.states.len()).sum();
                let [money, balances] = sums(&expected);
                // More states than inputs can give will not become fewer.
                let is_over = (count(&states) == wanted && money == balances) || count(&states) > wanted;
                // But updates may have come, and led to states, since they were read.
                if is_over && count(&self.read("account_updates").await) == count(&updates) {
                    return self.compare_now(&expected, &decisions, &states, &updates).await;
                }
            }
            assert!(
                Instant::now() < deadline,
                "{} requests, {} decisions after {DRAINED_WITHIN:?}",
                count(&requests),
                count(&decisions)
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn compare_now(
        &self,
        expected: &[Expected],
        decisions: &Records,
        states: &Records,
        updates: &Records,
    ) -> Summary {
        let (alerts, profiles) =
            (self.read("fraud_alerts").await, self.read("account_profile_updates").await);
        let notifications = self.read("notifications").await;
        for (partition, expected) in (0..).zip(expected) {
            let same = |what: &str, records: &Records, wanted: &[Value]| {
                let found: Vec<_> = records[&partition].iter().map(Record::json).collect();
                assert_eq!(found.len(), wanted.len(), "{what} of partition {partition}");
                for (found, wanted) in found.iter().zip(wanted) {
                    for (name, value) in wanted.as_object().unwrap() {
                        assert_eq!(&found[name], value, "{what} of partition {partition}: {name} of {found}");
                    }
                }
            };
            same("decisions", decisions, &expected.decisions);
            same("states", states, &expected.states);
            same("alerts", &alerts, &expected.alerts);
            same("profiles", &profiles, &expected.profiles);
            assert_eq!(
                notifications[&partition].len(),
                expected.notifications,
                "notifications of {partition}"
            );
        }
        let mut wanted: Vec<_> =
            expected.iter().flat_map(|expected| &expected.updates).map(Value::to_string).collect();
        let mut found: Vec<_> = updates.values().flatten().map(Record::json).collect();
        found.retain(|update| update["kind"] != "profile");
        for update in &mut found {
            update.as_object_mut().unwrap().remove("reason");
        }
        let mut found: Vec<_> = found.iter().map(Value::to_string).collect();
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "credits and refunds");
        let [money, balances] = sums(expected);
        assert_eq!(money, balances, "all money is in accounts");
        let all: Vec<_> = expected.iter().flat_map(|expected| &expected.decisions).collect();
        let of = |outcome: &str| all.iter().filter(|decision| decision["outcome"] == outcome).count();
        let is_refund = |update: &&String| update.contains("\"refund\"");
        Summary {
            approved: of("approved"),
            refused: of("refused"),
            duplicates: of("duplicate"),
            credits: found.iter().filter(|update| !is_refund(update)).count(),
            refunds: found.iter().filter(is_refund).count(),
            alerts: count(&alerts),
            money,
        }
    }
}

/// What a comparison has covered.
#[derive(Debug)]
pub struct Summary {
    pub approved: usize,
    pub refused: usize,
    pub duplicates: usize,
    pub credits: usize,
    pub refunds: usize,
    pub alerts: usize,
    pub money: i64,
}

pub fn count(records: &Records) -> usize {
    records.values().map(Vec::len).sum()
}

/// What came in, and what the accounts hold.
fn sums(expected: &[Expected]) -> [i64; 2] {
    [expected.iter().map(|one| one.money).sum(), expected.iter().map(|one| one.balances).sum()]
}
