//! Work that goes on while brokers of a cluster fail, and what has to be true afterwards.

use end_to_end::harness::{Cluster, GIVE_UP_AFTER, Program, Stage};
use nix::sys::signal::Signal;

use crate::support::{steady_producer, wait_for_owners, wait_until_applied};

/// A producer and two consumers at work on a cluster.
pub struct Load {
    // Dropped before the stage, which deletes their logs.
    producer: Program,
    consumers: [Program; 2],
    pub stage: Stage,
}

impl Load {
    pub async fn start(cluster: &Cluster) -> Self {
        let stage = cluster.stage().await;
        let producer = steady_producer(&stage);
        let consumers = [stage.consumer(), stage.consumer()];
        wait_for_owners(&stage, 2).await;
        cluster.wait_until_all_in_sync(&stage).await;
        let mut load = Self { producer, consumers, stage };
        load.proceed(1000).await;
        load
    }

    /// Waits until this many further offsets are applied.
    pub async fn proceed(&mut self, offsets: i64) {
        let sql = self.stage.sql().await;
        let before = self.stage.positions(&sql).await.values().sum::<i64>();
        wait_until_applied(&self.stage, &sql, before + offsets).await;
        for program in self.consumers.iter_mut().chain([&mut self.producer]) {
            assert!(!program.has_ended(), "{} has ended", program.name());
        }
    }

    /// With all brokers back: nothing that was acknowledged is missing in the log, and the tables are what the
    /// log implies.
    pub async fn finish(mut self, cluster: &Cluster) {
        cluster.wait_until_all_in_sync(&self.stage).await;
        self.proceed(1000).await;
        require_all_acknowledged(&self.stage, &mut self.producer, 0).await;
        let report = self.stage.check().await;
        assert_eq!(report.dead_letters, 0);
        for consumer in self.consumers {
            assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
        }
    }
}

/// Ends the producer, and compares what it says was acknowledged with the log, in which there are `others`
/// besides.
pub async fn require_all_acknowledged(stage: &Stage, producer: &mut Program, others: i64) {
    producer.signal(Signal::SIGTERM);
    assert_eq!(producer.exit_code(3 * GIVE_UP_AFTER).await, 0, "the producer's exit code");
    let log = producer.log();
    let summary = log.lines().rev().find(|line| line.contains("unacknowledged=0")).expect("a summary");
    let events = summary.split_whitespace().find_map(|word| word.strip_prefix("events=")).expect("events=");
    let acknowledged: i64 = events.parse().expect("a number of events");
    assert_eq!(stage.log_length().await, acknowledged + others, "events in the log, and acknowledged events");
}

pub async fn leader_of(cluster: &Cluster, stage: &Stage, partition: i32) -> u16 {
    cluster.wait_until_all_in_sync(stage).await[&partition].leader.expect("a leader")
}

/// Waits until brokers other than this one lead all partitions.
pub async fn wait_until_others_lead(cluster: &Cluster, stage: &Stage, broker: u16) {
    let condition = format!("others lead all partitions than broker {broker}");
    cluster
        .wait_for_replicas(stage, &condition, |one| one.leader.is_some_and(|leader| leader != broker))
        .await;
}
