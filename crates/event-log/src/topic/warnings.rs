//! The settings of a topic that weaken what this system promises.

use rdkafka::admin::ConfigResource;

use super::TimestampType;
use super::replicas::Replicas;

fn value<'a>(config: &'a ConfigResource, name: &str) -> Option<&'a str> {
    config.get(name)?.value.as_deref()
}

pub(super) fn timestamp_type(config: &ConfigResource) -> TimestampType {
    match value(config, "message.timestamp.type") {
        Some("LogAppendTime") => TimestampType::LogAppendTime,
        Some("CreateTime") => TimestampType::CreateTime,
        _ => TimestampType::Unknown,
    }
}

pub(super) fn cleanup_policy(config: &ConfigResource) -> Option<String> {
    value(config, "cleanup.policy").map(str::to_owned)
}

/// The limits beyond which older records are deleted, and their values.
pub(super) fn retention(config: &ConfigResource) -> Vec<(&'static str, String)> {
    let limit = |name| Some((name, value(config, name).filter(|limit| *limit != "-1")?.to_owned()));
    ["retention.ms", "retention.bytes"].into_iter().filter_map(limit).collect()
}

/// One sentence for each, with the command that changes it.
pub(super) fn warnings(topic: &str, config: &ConfigResource, replicas: &Replicas) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |problem: String, setting: &str| {
        warnings.push(format!(
            "topic {topic}: {problem}; kafka-configs.sh --alter --entity-type topics --entity-name {topic} \
             --add-config {setting}"
        ));
    };
    if timestamp_type(config) == TimestampType::CreateTime {
        let problem = "records carry the times of their producers' clocks (message.timestamp.type=CreateTime), so \
                       log order and as-of times are only as good as those clocks";
        warn(problem.into(), "message.timestamp.type=LogAppendTime");
    }
    if value(config, "cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        let problem = "it is compacted, so all events of a key but the last one will be lost";
        warn(problem.into(), "cleanup.policy=delete");
    }
    for (name, limit) in retention(config) {
        let problem = format!(
            "{name}={limit} deletes older events, and without them no rebuild from offset 0 is possible"
        );
        warn(problem, &format!("{name}=-1"));
    }
    if value(config, "unclean.leader.election.enable") == Some("true") {
        let problem =
            "a replica that lacks acknowledged events may become the leader, and then they are lost";
        warn(problem.into(), "unclean.leader.election.enable=false");
    }
    let Replicas { brokers, fewest, .. } = *replicas;
    if fewest >= 3 && value(config, "min.insync.replicas") == Some("1") {
        let problem = "an event is acknowledged when a single replica has it (min.insync.replicas=1), and is lost \
                       with that one";
        warn(problem.into(), "min.insync.replicas=2");
    }
    if fewest == 1 && brokers > 1 {
        warnings.push(format!(
            "topic {topic}: there are {brokers} brokers, but a partition is kept on one of them only, and its events are \
             lost with that broker; kafka-reassign-partitions.sh --execute adds replicas"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::{ConfigEntry, ConfigSource, OwnedResourceSpecifier};

    use super::*;

    fn topic(settings: &[(&str, &str)]) -> ConfigResource {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::DynamicTopic,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        };
        let specifier = OwnedResourceSpecifier::Topic("t".to_owned());
        ConfigResource { specifier, entries: settings.iter().map(entry).collect() }
    }

    fn replicas(brokers: usize, fewest: usize) -> Replicas {
        Replicas { brokers, partitions: 6, all_led: true, fewest }
    }

    #[test]
    fn a_topic_that_may_lose_acknowledged_events_with_a_broker_is_warned_about() {
        let one = topic(&[("min.insync.replicas", "1")]);
        let unclean = topic(&[("min.insync.replicas", "2"), ("unclean.leader.election.enable", "true")]);
        let sound = topic(&[("min.insync.replicas", "2"), ("unclean.leader.election.enable", "false")]);
        assert!(warnings("t", &one, &replicas(3, 3))[0].ends_with("--add-config min.insync.replicas=2"));
        assert!(warnings("t", &unclean, &replicas(3, 3))[0].contains("unclean.leader.election.enable=false"));
        assert!(warnings("t", &one, &replicas(3, 1))[0].contains("there are 3 brokers"));
        assert_eq!(
            retention(&topic(&[("retention.ms", "5"), ("retention.bytes", "-1")])),
            [("retention.ms", "5".into())]
        );
        for (config, replicas) in [(&sound, replicas(3, 3)), (&one, replicas(1, 1)), (&one, replicas(2, 2))] {
            assert_eq!(warnings("t", config, &replicas), Vec::<String>::new());
        }
    }
}
