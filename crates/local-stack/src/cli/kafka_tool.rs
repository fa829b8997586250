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
use crate::error::{Attempt, Result, UsageError};

/// The name of a tool, its main class, and whether it needs `--bootstrap-server`.
const TOOLS: &[(&str, &str, bool)] = &[
    ("acls", "org.apache.kafka.tools.AclCommand", true),
    ("broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand", true),
    ("cluster", "org.apache.kafka.tools.ClusterTool", false),
    ("configs", "kafka.admin.ConfigCommand", true),
    ("console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer", true),
    ("console-producer", "org.apache.kafka.tools.ConsoleProducer", true),
    ("consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", true),
    ("consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance", true),
    ("delete-records", "org.apache.kafka.tools.DeleteRecordsCommand", true),
    ("dump-log", "org.apache.kafka.tools.DumpLogSegments", false),
    ("features", "org.apache.kafka.tools.FeatureCommand", true),
    ("get-offsets", "org.apache.kafka.tools.GetOffsetShell", true),
    ("groups", "org.apache.kafka.tools.GroupsCommand", true),
    ("leader-election", "org.apache.kafka.tools.LeaderElectionCommand", true),
    ("log-dirs", "org.apache.kafka.tools.LogDirsCommand", true),
    ("metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand", true),
    ("producer-perf-test", "org.apache.kafka.tools.ProducerPerformance", true),
    ("reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", true),
    ("storage", "kafka.tools.StorageTool", false),
    ("topics", "org.apache.kafka.tools.TopicCommand", true),
    ("transactions", "org.apache.kafka.tools.TransactionsCommand", true),
    ("verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer", true),
    ("verifiable-producer", "org.apache.kafka.tools.VerifiableProducer", true),
];

pub fn kafka(passed: &Passed) -> Result<ExitCode> {
    let (tool, arguments) = match passed.arguments.split_first() {
        Some((tool, arguments)) if !tool.to_string_lossy().starts_with('-') => (tool, arguments),
        _ => {
            output::say!("Kafka's command line tools, each with a --help of its own:");
            for (name, _, _) in TOOLS {
                output::say!("  {name}");
            }
            output::say!(
                "For example: ./food-orders kafka console-consumer --topic food-orders --from-beginning"
            );
            return Ok(ExitCode::SUCCESS);
        }
    };
    let tool = &*tool.to_string_lossy();
    let (mut command, wants_broker) = command(tool)?;
    command.args(arguments);
    if wants_broker && !passed.asks_for_help(&[]) && !names_broker(arguments) {
        command.arg("--bootstrap-server").arg(bootstrap_servers(&passed.folder)?);
    }
    // `exec` returns only if it fails.
    Err(command.exec()).attempt(format!("running {tool}"))
}

/// The command that runs a tool, without arguments, and whether it needs `--bootstrap-server`.
pub fn command(tool: &str) -> Result<(Command, bool)> {
    let (class, wants_broker) = find(tool)?;
    let (java, jars) = Downloads::ensure_kafka()?;
    let logging = logging_settings(&jars)?;
    let mut command = Command::new(&java.program);
    command
        // A tool lives for seconds: a small heap, and no time for the optimizing compiler.
        .args(["-XX:TieredStopAtLevel=1", "-Xmx512m"])
        .args(class_archive::flags(&java, &jars))
        .arg(format!("-Dlog4j2.configurationFile={logging}"))
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(class);
    Ok((command, wants_broker))
}

/// Finds a tool by `topics`, `kafka-topics` or `kafka-topics.sh`.
fn find(tool: &str) -> Result<(&'static str, bool)> {
    let name = tool.strip_suffix(".sh").unwrap_or(tool);
    let name = name.strip_prefix("kafka-").unwrap_or(name);
    match TOOLS.iter().find(|(known, _, _)| *known == name) {
        Some((_, class, wants_broker)) => Ok((class, *wants_broker)),
        None => {
            let tools = TOOLS.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ");
            Err(UsageError::UnknownTool { tool: tool.to_owned(), tools }.into())
        }
    }
}

fn names_broker(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--bootstrap-"))
}

/// From the environment, or else of the running stack.
fn bootstrap_servers(folder: &Folder) -> Result<String> {
    if let Some(servers) = std::env::var("KAFKA_BOOTSTRAP_SERVERS").ok().filter(|servers| !servers.is_empty())
    {
        return Ok(servers);
    }
    let otherwise =
        "To ask a broker of your own, add --bootstrap-server HOST:PORT, or set KAFKA_BOOTSTRAP_SERVERS";
    Ok(DataFolder::new(&folder.path)?.require_state(otherwise)?.kafka.address)
}

/// The path of the log4j2 settings. They are beside the jars, and written if they differ from those of this
/// program.
fn logging_settings(jars: &Path) -> Result<String> {
    let wanted = include_str!("../log4j2-tools.properties");
    let path = jars.join("log4j2-tools.properties");
    if fs::read_to_string(&path).ok().as_deref() != Some(wanted) {
        fs::write(&path, wanted).attempt_on("writing", &path)?;
    }
    Ok(path.display().to_string())
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
        assert!(names_broker(&["--bootstrap-server".into(), "a:1".into()]));
        assert!(names_broker(&["--bootstrap-server=a:1".into()]));
        assert!(!names_broker(&["--topic".into(), "t".into()]));
    }
}
