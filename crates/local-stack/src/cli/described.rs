//! What the cluster says of itself: the controller, and the leader and the in-sync replicas of each partition.
//! Kafka's own tools ask for it.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use super::kafka_tool;
use crate::error::{Attempt, Error, Result};
use crate::scratch::Scratch;

/// Short, so that a cluster that has lost its majority is reported and not waited for.
const CLIENT_SETTINGS: &str = "default.api.timeout.ms=6000\nrequest.timeout.ms=3000\n";

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The number of the node; `None` if no majority has elected one.
    pub controller: Option<String>,
    pub partitions: Vec<DescribedPartition>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct DescribedPartition {
    pub number: i32,
    /// A broker's number, or "none".
    pub leader: String,
    /// Brokers' numbers with commas.
    pub in_sync: String,
}

impl Described {
    /// What cannot be learned is left empty.
    pub fn ask(bootstrap_servers: &str, topic: &str) -> Result<Self> {
        let folder = Scratch::new()?;
        let settings = folder.path().join("client.properties");
        fs::write(&settings, CLIENT_SETTINGS).attempt_on("writing", &settings)?;
        let run = |tool: &str, arguments: &[&str]| -> Result<String> {
            let mut command = kafka_tool::command(tool)?.0;
            command.args(["--bootstrap-server", bootstrap_servers, "--command-config"]).arg(&settings);
            output(command.args(arguments))
        };
        thread::scope(|scope| {
            let quorum = scope.spawn(|| run("metadata-quorum", &["describe", "--status"]));
            let topics = run("topics", &["--describe", "--topic", topic])?;
            let quorum =
                quorum.join().unwrap_or(Err(Error::ThreadPanicked { task: "asks for the quorum" }))?;
            Ok(Self { controller: controller(&quorum), partitions: partitions(&topics) })
        })
    }
}

/// What the tool prints; what it says of an error goes nowhere.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().attempt("running one of Kafka's tools")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn controller(text: &str) -> Option<String> {
    let leader = text.lines().find_map(|line| line.strip_prefix("LeaderId:"))?.trim();
    (!leader.starts_with('-')).then(|| leader.to_owned())
}

fn partitions(text: &str) -> Vec<DescribedPartition> {
    let partition = |line: &str| {
        // "Topic: t  Partition: 0  Leader: 1  Replicas: 1,2,3  Isr: 1,2", with tabs between the pairs.
        let value = |name: &str| {
            line.split('\t')
                .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix(": ").map(str::trim))
        };
        Some(DescribedPartition {
            number: value("Partition")?.parse().ok()?,
            leader: value("Leader")?.to_owned(),
            in_sync: value("Isr").unwrap_or_default().to_owned(),
        })
    };
    text.lines().filter_map(partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_print_is_understood() {
        let quorum = "ClusterId:              Mk3OEYBSD34fcwNTJENDM2Qg\nLeaderId:               2\nLeaderEpoch:            5\n";
        assert_eq!(controller(quorum).as_deref(), Some("2"));
        assert_eq!(controller("LeaderId: -1\n"), None);
        let topics = "Topic: t\tTopicId: x\tPartitionCount: 2\tReplicationFactor: 3\tConfigs: min.insync.replicas=2\n\
            \tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2,3\tIsr: 1,3\tElr: \tLastKnownElr: \n\
            \tTopic: t\tPartition: 1\tLeader: none\tReplicas: 2,3,1\tIsr: \tElr: 2\tLastKnownElr: \n";
        let partition = |number, leader: &str, in_sync: &str| DescribedPartition {
            number,
            leader: leader.to_owned(),
            in_sync: in_sync.to_owned(),
        };
        assert_eq!(partitions(topics), [partition(0, "1", "1,3"), partition(1, "none", "")]);
    }
}
