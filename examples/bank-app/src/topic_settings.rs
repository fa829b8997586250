//! The settings of topics that exist already. An operator may have created or changed them.

use event_log::{TimestampType, TopicState};

use crate::topic::Topic;

/// Why the topic cannot be used, with the command that changes it.
pub fn problem(topic: Topic, name: &str, state: &TopicState) -> Option<String> {
    let refused =
        |problem: &str, setting: &str| Some(format!("topic {name}: {problem}; {}", change(name, setting)));
    let policy = state.cleanup_policy.as_deref();
    if topic.is_compacted() {
        // With "compact,delete", an account that does nothing for a while is deleted.
        let policy = policy.filter(|policy| *policy != "compact")?;
        let problem = format!("cleanup.policy is {policy:?}, so accounts that exist will be deleted");
        return refused(&problem, "cleanup.policy=compact");
    }
    if !Topic::INPUTS.contains(&topic) {
        return None;
    }
    if policy.is_some_and(|policy| policy.contains("compact")) {
        return refused(
            "it is compacted, so inputs may be lost before they are applied",
            "cleanup.policy=delete",
        );
    }
    if state.timestamp_type == TimestampType::CreateTime {
        let problem = "records carry the times of their clients' clocks (message.timestamp.type=CreateTime), by which a client \
                       could get around the rules";
        return refused(problem, "message.timestamp.type=LogAppendTime");
    }
    None
}

/// What may lose inputs if no instance runs for long enough.
pub fn warnings(topic: Topic, name: &str, state: &TopicState) -> Vec<String> {
    let warning = |(setting, limit): &(&str, String)| {
        let change = change(name, &format!("{setting}=-1"));
        format!("topic {name}: {setting}={limit} deletes inputs, whether they are applied or not; {change}")
    };
    let limits = if Topic::INPUTS.contains(&topic) { &state.retention[..] } else { &[] };
    limits.iter().map(warning).collect()
}

fn change(name: &str, setting: &str) -> String {
    format!("kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {setting}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(policy: Option<&str>, timestamp_type: TimestampType) -> TopicState {
        let cleanup_policy = policy.map(str::to_owned);
        let retention = vec![("retention.ms", "1000".to_owned())];
        TopicState {
            partitions: 6,
            timestamp_type,
            cleanup_policy,
            retention,
            created: false,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn topics_that_would_lose_accounts_or_inputs_are_refused() {
        use TimestampType::{CreateTime, LogAppendTime, Unknown};
        let (state_topic, input, output) =
            (Topic::AccountBalanceUpdates, Topic::AccountUpdates, Topic::TransactionsValidated);
        for (topic, policy, time, command) in [
            (state_topic, Some("delete"), LogAppendTime, Some("cleanup.policy=compact")),
            (state_topic, Some("compact,delete"), LogAppendTime, Some("cleanup.policy=compact")),
            (state_topic, Some("compact"), CreateTime, None),
            (input, Some("compact"), LogAppendTime, Some("cleanup.policy=delete")),
            (input, Some("delete"), CreateTime, Some("message.timestamp.type=LogAppendTime")),
            (input, Some("delete"), LogAppendTime, None),
            // The broker does not say.
            (input, None, Unknown, None),
            (state_topic, None, Unknown, None),
            (output, Some("delete"), CreateTime, None),
        ] {
            let problem = problem(topic, "t", &state(policy, time));
            let wanted = command.map(|command| format!("--entity-name t --add-config {command}"));
            match (&problem, &wanted) {
                (Some(problem), Some(wanted)) => assert!(problem.ends_with(wanted), "{problem}"),
                _ => assert_eq!(problem, wanted, "{topic:?} {policy:?} {time}"),
            }
        }
    }

    #[test]
    fn only_the_retention_of_inputs_is_warned_about() {
        let state = state(Some("delete"), TimestampType::LogAppendTime);
        for (topic, wanted) in [(Topic::TransactionRequests, 1), (Topic::Notifications, 0)] {
            assert_eq!(warnings(topic, "t", &state).len(), wanted, "{topic:?}");
        }
    }
}
