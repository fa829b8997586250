//! Whether a plan can be carried out.

use orders::{Partition, Position, Positions};
use views::PROJECTION_VERSION;

use super::survey::Survey;
use crate::failure::Failure;
use crate::log_comparison::KEEP_HISTORY;
use crate::outcome::FailureCause;
use crate::plan::Plan;

/// Why it cannot, with the numbers. `keeps_history`: what the log has lost is taken over from the live
/// build.
pub(super) fn refusal(plan: &Plan, survey: &Survey, keeps_history: bool) -> Option<Failure> {
    log_problem(plan, survey, keeps_history)
        .map(|reason| Failure::new(FailureCause::Log, reason))
        .or_else(|| {
            let problem = if keeps_history { foreign_history(survey) } else { None };
            problem.map(|reason| Failure::new(FailureCause::Request, reason))
        })
        .or_else(|| disk_problem(plan).map(|reason| Failure::new(FailureCause::DiskSpace, reason)))
}

fn log_problem(plan: &Plan, survey: &Survey, keeps_history: bool) -> Option<String> {
    no_topic(plan)
        .or_else(|| another_log(plan, survey))
        .or_else(|| if keeps_history { lost_before_applied(plan) } else { trimmed(plan) })
        .or_else(|| behind_live_build(plan, survey))
}

fn no_topic(plan: &Plan) -> Option<String> {
    plan.partitions.is_empty().then(|| {
        format!(
            "there is no topic {} to rebuild from; check KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC",
            plan.topic
        )
    })
}

fn another_log(plan: &Plan, survey: &Survey) -> Option<String> {
    let conflict = plan.log_identity().conflict_with(survey.live_log.as_ref()?)?;
    Some(format!(
        "this is another log: {conflict}; point KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC at the log that this database was \
         made from"
    ))
}

fn trimmed(plan: &Plan) -> Option<String> {
    let begins: Vec<String> = plan
        .partitions
        .iter()
        .filter(|one| one.begin > 0)
        .map(|one| format!("partition {} begins at offset {}", one.partition, one.begin))
        .collect();
    (!begins.is_empty()).then(|| {
        format!(
            "topic {} no longer holds all events: {}; the live tables stay as they are. {KEEP_HISTORY}",
            plan.topic,
            begins.join(", ")
        )
    })
}

/// The live build cannot stand in for what it has never applied.
fn lost_before_applied(plan: &Plan) -> Option<String> {
    let one = plan.partitions.iter().find(|one| one.begin > one.live_position)?;
    Some(format!(
        "partition {} of topic {} begins at offset {}, but the live tables have it applied up to offset {} only: what lies in \
         between is lost. A consumer continues after the gap once it is accepted (consumer --accept-gap)",
        one.partition, plan.topic, one.begin, one.live_position
    ))
}

/// Rows are taken over as they are, and those of another version may mean something else.
fn foreign_history(survey: &Survey) -> Option<String> {
    (survey.live_version != PROJECTION_VERSION).then(|| {
        format!(
            "the live tables have projection version {}, and this program makes version {PROJECTION_VERSION}: history cannot \
             be taken over from them. If the log is complete, leave out --keep-history; if not, use the version of the \
             program that made them",
            survey.live_version
        )
    })
}

/// Reads would go back in time.
fn behind_live_build(plan: &Plan, survey: &Survey) -> Option<String> {
    let ends = plan.ends();
    let live: Positions = survey.live.iter().collect();
    let behind =
        |(partition, live): &(Partition, Position)| ends.get(*partition).is_none_or(|end| end < *live);
    let (partition, live) = live.iter().find(behind)?;
    let end = match ends.get(partition) {
        Some(end) => format!("ends at offset {end}"),
        None => "does not exist".into(),
    };
    Some(format!(
        "partition {partition} of topic {} {end}, but the live tables have it applied up to offset {live}: the log was \
         truncated or created again, and reads would go back in time",
        plan.topic
    ))
}

fn disk_problem(plan: &Plan) -> Option<String> {
    let (needed, free) = (plan.disk_needed_bytes, plan.disk_free_bytes?);
    (free < needed).then(|| format!("about {needed} bytes of disk are needed, and {free} are free"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use event_log::OffsetRange;
    use orders::{LogDigest, LogIdentity, LogPrefix};

    use super::*;
    use crate::log_state::LogState;

    fn prefix(position: i64) -> LogPrefix {
        LogPrefix { position: Position(position), digest: LogDigest::default() }
    }

    /// One partition of the log, and where the live build stands in it.
    fn survey(begin: i64, end: i64, live: i64) -> Survey {
        let range = OffsetRange { low_watermark: Position(begin), end_offset: Position(end) };
        let identity =
            LogIdentity { cluster_id: "c".into(), topic: "t".into(), topic_id: None, partitions: 1 };
        Survey {
            topic: "t".into(),
            log: LogState {
                identity: Some(identity),
                offset_ranges: BTreeMap::from([(Partition(0), range)]),
            },
            live_build: views::Build(1),
            live_version: PROJECTION_VERSION,
            live: BTreeMap::from([(Partition(0), prefix(live))]),
            topic_settings: None,
            live_bytes: 1,
            live_log: None,
            disk_free_bytes: None,
            last_progress: None,
        }
    }

    fn refusal_of(survey: &Survey) -> Option<(FailureCause, String)> {
        refusal(&survey.plan(), survey, false).map(|failure| (failure.cause, failure.reason))
    }

    #[test]
    fn a_complete_log_that_has_what_the_live_tables_have_is_accepted() {
        assert_eq!(refusal_of(&survey(0, 9, 9)), None);
        assert_eq!(refusal_of(&survey(0, 9, 0)), None);
    }

    #[test]
    fn a_trimmed_or_shorter_log_is_refused_with_the_numbers() {
        let (cause, reason) = refusal_of(&survey(3, 9, 9)).unwrap();
        assert_eq!(cause, FailureCause::Log);
        assert!(reason.contains("partition 0 begins at offset 3"), "{reason}");
        let (cause, reason) = refusal_of(&survey(0, 9, 10)).unwrap();
        assert_eq!(cause, FailureCause::Log);
        assert!(reason.contains("ends at offset 9") && reason.contains("up to offset 10"), "{reason}");
    }

    #[test]
    fn what_the_live_tables_have_applied_may_be_gone_if_it_is_kept() {
        let kept = |begin, end, live| {
            let survey = survey(begin, end, live);
            refusal(&survey.plan(), &survey, true).map(|failure| failure.reason)
        };
        assert_eq!(kept(3, 9, 9), None);
        assert_eq!(kept(9, 9, 9), None);
        let reason = kept(3, 9, 2).unwrap();
        assert!(reason.contains("begins at offset 3") && reason.contains("up to offset 2 only"), "{reason}");
    }

    #[test]
    fn history_of_another_projection_version_cannot_be_kept() {
        let mut survey = survey(0, 9, 9);
        survey.live_version += 1;
        assert_eq!(refusal_of(&survey), None);
        let failure = refusal(&survey.plan(), &survey, true).unwrap();
        assert_eq!(failure.cause, FailureCause::Request);
        assert!(failure.reason.contains("leave out --keep-history"), "{}", failure.reason);
    }

    #[test]
    fn a_topic_or_a_partition_that_does_not_exist_is_refused() {
        let mut without_topic = survey(0, 0, 0);
        without_topic.log = LogState { identity: None, offset_ranges: BTreeMap::new() };
        assert!(refusal_of(&without_topic).unwrap().1.contains("no topic t"));
        let mut without_partition = survey(0, 9, 9);
        without_partition.live.insert(Partition(1), prefix(4));
        let (_, reason) = refusal_of(&without_partition).unwrap();
        assert!(reason.contains("partition 1 of topic t does not exist"), "{reason}");
    }

    #[test]
    fn another_cluster_is_another_log() {
        let mut survey = survey(0, 9, 0);
        let same = survey.log.identity.clone().unwrap();
        survey.live_log = Some(LogIdentity { cluster_id: "d".into(), ..same.clone() });
        assert!(refusal_of(&survey).unwrap().1.contains("another log"));
        survey.live_log = Some(same);
        assert_eq!(refusal_of(&survey), None);
    }

    #[test]
    fn a_disk_that_is_known_to_be_too_small_is_refused() {
        let mut survey = survey(0, 9, 9);
        survey.disk_free_bytes = Some(99);
        let (cause, reason) = refusal_of(&survey).unwrap();
        assert_eq!(cause, FailureCause::DiskSpace);
        assert!(reason.contains("99 are free"), "{reason}");
        survey.disk_free_bytes = Some(1 << 40);
        assert_eq!(refusal_of(&survey), None);
    }
}
