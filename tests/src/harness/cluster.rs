//! A cluster of real brokers, three of them if not said otherwise, each of which is also a controller. A test
//! kills, freezes, stops and restarts them one by one.

use std::collections::BTreeMap;
use std::time::Duration;

use local_stack::{Downloads, Kafka, KafkaCluster, KafkaOptions, Scratch, TestServers};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{GIVE_UP_AFTER, Stage, eventually};

/// Three of them share the machine with everything else.
const HEAP_MIB: u32 = 256;

/// See the module. The calls that start and end brokers block for seconds, which a test may do on its own
/// thread.
pub struct Cluster {
    // Fields are dropped in this order, so the brokers end before their folder is deleted.
    kafka: KafkaCluster,
    _folder: Scratch,
}

/// Who has a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// `None` while there is none.
    pub leader: Option<u16>,
    pub in_sync: Vec<u16>,
    pub all: Vec<u16>,
}

impl Cluster {
    /// The cluster that the tests of this process share, with all brokers running. One test has it at a
    /// time. It starts with the first test that asks, and ends with the process.
    pub async fn shared() -> MutexGuard<'static, Self> {
        static SHARED: OnceCell<Mutex<Cluster>> = OnceCell::const_new();
        // As in a cluster of others, whose topics have one replica unless more are asked for.
        let weak = |_| vec![("default.replication.factor".to_owned(), "1".to_owned())];
        let shared = SHARED.get_or_init(async || Mutex::new(Self::start(weak))).await;
        let mut cluster = shared.lock().await;
        // The test before may have failed halfway.
        cluster.heal();
        cluster
    }

    /// A cluster of this many brokers, 1 or an odd number.
    pub fn of(brokers: u16) -> Self {
        Self::launch(Scratch::new().unwrap(), brokers, |_| Vec::new())
    }

    /// A cluster of one test's own, with further settings for each broker.
    pub fn start(more: impl Fn(u16) -> Vec<(String, String)>) -> Self {
        Self::launch(Scratch::new().unwrap(), 3, more)
    }

    /// The same, in a folder in which the test has prepared something. The data of broker n is in its folder
    /// `kafka/node-n`.
    pub fn start_in(folder: Scratch) -> Self {
        Self::launch(folder, 3, |_| Vec::new())
    }

    fn launch(folder: Scratch, brokers: u16, more: impl Fn(u16) -> Vec<(String, String)>) -> Self {
        let mut options = KafkaOptions::new(folder.path().join("kafka"));
        // Not `for_tests`: only KRaft mode forms clusters, whatever mode the environment names.
        options.quick_start = true;
        options.heap_mib = HEAP_MIB;
        let kafka = KafkaCluster::start_with(&Downloads::ensure().unwrap(), &options, brokers, more).unwrap();
        Self { kafka, _folder: folder }
    }

    pub fn bootstrap_servers(&self) -> String {
        self.kafka.bootstrap_servers()
    }

    /// A topic name, a database and a group of a test's own, on this cluster.
    pub async fn stage(&self) -> Stage {
        let servers = TestServers::shared().await.expect("servers for the tests");
        let database_url = servers.fresh_database().await.expect("a database for this test");
        Stage::on(self.kafka.bootstrap_servers(), servers.fresh_topic_name(), database_url)
    }

    /// The brokers have the numbers from 1 on.
    pub fn broker(&mut self, number: u16) -> &mut Kafka {
        self.kafka.broker(number)
    }

    /// Whether the broker has ended by itself.
    pub fn has_ended(&mut self, number: u16) -> bool {
        self.kafka.broker(number).failure().is_some()
    }

    /// Wakes the brokers that are frozen, and starts those that do not run.
    pub fn heal(&mut self) {
        for broker in self.kafka.brokers() {
            broker.resume();
        }
        // A broker may have ended by itself.
        let _ = self.kafka.failures();
        self.kafka.start_stopped().unwrap();
    }

    /// The partitions of the stage's topic, as one of the brokers knows them; none while nobody answers.
    pub async fn replicas(&self, stage: &Stage) -> BTreeMap<i32, Replicas> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.kafka.bootstrap_servers());
        let consumer: BaseConsumer = config.create().unwrap();
        let topic = stage.kafka.topic.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = consumer.fetch_metadata(Some(&topic), Duration::from_secs(5)).ok()?;
            let numbers = |ids: &[i32]| ids.iter().filter_map(|id| u16::try_from(*id).ok()).collect();
            let topic = metadata.topics().iter().find(|one| one.error().is_none())?;
            let partitions = topic.partitions().iter().map(|one| {
                let (in_sync, all) = (numbers(one.isr()), numbers(one.replicas()));
                (one.id(), Replicas { leader: u16::try_from(one.leader()).ok(), in_sync, all })
            });
            Some(partitions.collect())
        });
        asked.await.unwrap().unwrap_or_default()
    }

    /// Waits until the partitions of the stage's topic meet a condition.
    pub async fn wait_for_replicas(
        &self,
        stage: &Stage,
        condition: &str,
        holds: impl Fn(&Replicas) -> bool,
    ) -> BTreeMap<i32, Replicas> {
        eventually(condition, 2 * GIVE_UP_AFTER, async || {
            let partitions = self.replicas(stage).await;
            (!partitions.is_empty() && partitions.values().all(&holds)).then_some(partitions)
        })
        .await
    }

    /// Waits until every partition of the stage's topic has a leader and all its replicas.
    pub async fn wait_until_all_in_sync(&self, stage: &Stage) -> BTreeMap<i32, Replicas> {
        self.wait_for_replicas(stage, "all replicas are in sync", |one| {
            one.leader.is_some() && one.in_sync.len() == one.all.len()
        })
        .await
    }

    /// The number of the broker that is the active controller.
    pub async fn controller(&self, stage: &Stage) -> u16 {
        let text = self.tool(stage, "metadata-quorum", "describe --status").await;
        let leader = text.lines().find_map(|line| line.strip_prefix("LeaderId:")).expect("a LeaderId");
        leader.trim().parse().unwrap()
    }

    /// Runs one of Kafka's own tools, and returns what it prints.
    pub async fn tool(&self, stage: &Stage, name: &str, arguments: &str) -> String {
        stage
            .program("local-stack")
            .args(&format!("kafka {name} --bootstrap-server {} {arguments}", self.kafka.bootstrap_servers()))
            .succeed(GIVE_UP_AFTER)
            .await
    }
}
