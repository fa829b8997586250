//! `kafka TOOL` runs Kafka's own command line tools, by the names of their scripts.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::args::{Folder, Passed};
use super::folder::DataFolder;
use crate::class_archive;
use crate::downloads::Downloads;
use crate::error::{Attempt, Error, Result, UsageError};
use crate::kafka_mode::KafkaMode;

/// Whom a tool asks, and so which address it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    Nobody,
    /// `--bootstrap-server`.
    Broker,
    /// `-server`.
    ZooKeeper,
}

/// The name of a tool, its main class, and whom it asks. Brokers of both modes are asked by the tools of one release, so that
/// these have the same flags everywhere.
const TOOLS: &[(&str, &str, Asks)] = &[
    ("acls", "org.apache.kafka.tools.AclCommand", Asks::Broker),
    ("broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand", Asks::Broker),
    ("cluster", "org.apache.kafka.tools.ClusterTool", Asks::Nobody),
    ("configs", "kafka.admin.ConfigCommand", Asks::Broker),
    ("console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer", Asks::Broker),
    ("console-producer", "org.apache.kafka.tools.ConsoleProducer", Asks::Broker),
    ("consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", Asks::Broker),
    ("consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance", Asks::Broker),
    ("delete-records", "org.apache.kafka.tools.DeleteRecordsCommand", Asks::Broker),
    ("dump-log", "org.apache.kafka.tools.DumpLogSegments", Asks::Nobody),
    ("features", "org.apache.kafka.tools.FeatureCommand", Asks::Broker),
    ("get-offsets", "org.apache.kafka.tools.GetOffsetShell", Asks::Broker),
    ("groups", "org.apache.kafka.tools.GroupsCommand", Asks::Broker),
    ("leader-election", "org.apache.kafka.tools.LeaderElectionCommand", Asks::Broker),
    ("log-dirs", "org.apache.kafka.tools.LogDirsCommand", Asks::Broker),
    ("metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand", Asks::Broker),
    ("producer-perf-test", "org.apache.kafka.tools.ProducerPerformance", Asks::Broker),
    ("reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", Asks::Broker),
    ("storage", "kafka.tools.StorageTool", Asks::Nobody),
    ("topics", "org.apache.kafka.tools.TopicCommand", Asks::Broker),
    ("transactions", "org.apache.kafka.tools.TransactionsCommand", Asks::Broker),
    ("verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer", Asks::Broker),
    ("verifiable-producer", "org.apache.kafka.tools.VerifiableProducer", Asks::Broker),
    ("zookeeper-shell", "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka", Asks::ZooKeeper),
];

pub fn kafka(passed: &Passed) -> Result<ExitCode> {
    let (tool, arguments) = match passed.arguments.split_first() {
        Some((tool, arguments)) if !tool.to_string_lossy().starts_with('-') => (tool, arguments),
        _ => {
            output::say!("Kafka's command line tools, each with a --help of its own:");
            for (name, _, asks) in TOOLS {
                let remark = if *asks == Asks::ZooKeeper { " (after up --kafka zookeeper)" } else { "" };
                output::say!("  {name}{remark}");
            }
            output::say!(
                "For example: ./food-orders kafka console-consumer --topic food-orders --from-beginning"
            );
            return Ok(ExitCode::SUCCESS);
        }
    };
    let tool = &*tool.to_string_lossy();
    let (mut command, asks) = command(tool)?;
    if !passed.asks_for_help(&[]) {
        match asks {
            Asks::Broker if !names(arguments, "--bootstrap-") => {
                command.arg("--bootstrap-server").arg(bootstrap_servers(&passed.folder)?);
            }
            // It takes what follows its flags for a command.
            Asks::ZooKeeper if !names(arguments, "-server") => {
                command.arg("-server").arg(zookeeper(&passed.folder)?);
            }
            _ => {}
        }
    }
    command.args(arguments);
    // `exec` returns only if it fails.
    Err(command.exec()).attempt(format!("running {tool}"))
}

/// The command that runs a tool, without arguments, and whom it asks.
pub fn command(tool: &str) -> Result<(Command, Asks)> {
    let (class, asks) = find(tool)?;
    let mode = if asks == Asks::ZooKeeper { KafkaMode::ZooKeeper } else { KafkaMode::Kraft };
    let (java, jars) = Downloads::ensure_kafka(mode)?;
    let logging = logging_settings(&jars, mode)?;
    let mut command = Command::new(&java.program);
    command
        // A tool lives for seconds: a small heap, and no time for the optimizing compiler.
        .args(["-XX:TieredStopAtLevel=1", "-Xmx512m"])
        .args(class_archive::flags(&java, &jars))
        .arg(logging)
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class);
    Ok((command, asks))
}

/// Finds a tool by `topics`, `kafka-topics` or `kafka-topics.sh`.
fn find(tool: &str) -> Result<(&'static str, Asks)> {
    let name = tool.strip_suffix(".sh").unwrap_or(tool);
    let name = name.strip_prefix("kafka-").unwrap_or(name);
    match TOOLS.iter().find(|(known, _, _)| *known == name) {
        Some((_, class, asks)) => Ok((class, *asks)),
        None => {
            let tools = TOOLS.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ");
            Err(UsageError::UnknownTool { tool: tool.to_owned(), tools }.into())
        }
    }
}

/// Whether the arguments have a flag that begins so.
fn names(arguments: &[OsString], flag: &str) -> bool {
    arguments.iter().any(|argument| argument.to_string_lossy().starts_with(flag))
}

/// Taken from the environment, or else from the running stack.
fn bootstrap_servers(folder: &Folder) -> Result<String> {
    if let Some(servers) = std::env::var("KAFKA_BOOTSTRAP_SERVERS").ok().filter(|servers| !servers.is_empty())
    {
        return Ok(servers);
    }
    let otherwise =
        "To ask a broker of your own, add --bootstrap-server HOST:PORT, or set KAFKA_BOOTSTRAP_SERVERS";
    Ok(DataFolder::new(&folder.path)?.require_state(otherwise)?.kafka.address)
}

/// The address of the running stack's ZooKeeper.
fn zookeeper(folder: &Folder) -> Result<String> {
    let folder = DataFolder::new(&folder.path)?;
    let state = folder.require_state("To ask a ZooKeeper of your own, add -server HOST:PORT")?;
    let zookeeper = state.zookeeper.ok_or(Error::NoZooKeeper { folder: folder.path().to_owned() })?;
    Ok(zookeeper.address)
}

/// The property that names the settings of the log. They are beside the jars, and written if they differ from those of this
/// program.
fn logging_settings(jars: &Path, mode: KafkaMode) -> Result<String> {
    let (wanted, name, property) = match mode {
        KafkaMode::Kraft => (
            include_str!("../log4j2-tools.properties"),
            "log4j2-tools.properties",
            "-Dlog4j2.configurationFile=",
        ),
        KafkaMode::ZooKeeper => (
            include_str!("../log4j-tools.properties"),
            "log4j-tools.properties",
            "-Dlog4j.configuration=file:",
        ),
    };
    let path = jars.join(name);
    if fs::read_to_string(&path).ok().as_deref() != Some(wanted) {
        fs::write(&path, wanted).attempt_on("writing", &path)?;
    }
    Ok(format!("{property}{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_by_the_names_of_their_scripts() {
        for name in ["topics", "kafka-topics", "kafka-topics.sh", "topics.sh"] {
            assert_eq!(find(name).unwrap().0, "org.apache.kafka.tools.TopicCommand");
        }
        assert!(find("topic").unwrap_err().to_string().contains("consumer-groups"));
    }

    #[test]
    fn a_bootstrap_server_is_recognised_in_the_arguments() {
        assert!(names(&["--bootstrap-server".into(), "a:1".into()], "--bootstrap-"));
        assert!(names(&["--bootstrap-server=a:1".into()], "--bootstrap-"));
        assert!(!names(&["--topic".into(), "t".into()], "--bootstrap-"));
    }
}
