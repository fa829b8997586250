//! The plan, the phases and the summary of a rebuild, in words.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use rebuild::{Phase, Plan, Progress, RateSource, RebuildView, State};

pub fn plan(plan: &Plan) -> String {
    let free = match plan.disk_free_bytes {
        Some(bytes) => format!("{} free", HumanBytes(bytes)),
        None => "free space unknown, because the database's disk is not visible from here".into(),
    };
    let source = match plan.rate_source {
        RateSource::LastRebuild => "by what the last rebuild took",
        RateSource::Default => "a guess, because there was no rebuild yet",
    };
    let mut text = format!(
        "plan: {} events in {} partitions of topic {}; live build {}\n      \
         about {} for the new build, {} of disk while it is made ({free})\n      \
         about {:.1} s at {} events/s ({source})",
        HumanCount(plan.events),
        plan.partitions.len(),
        plan.topic,
        plan.live_build,
        HumanBytes(plan.bytes),
        HumanBytes(plan.disk_needed_bytes),
        plan.estimated_seconds,
        HumanCount(plan.events_per_second as u64),
    );
    if let Some(comparison) = &plan.log_comparison {
        text.push_str(&format!(
            "\n      compared {} of the {} records that the live tables were made from with the log",
            HumanCount(comparison.records_compared),
            HumanCount(comparison.records_total)
        ));
        for difference in &comparison.differences {
            text.push_str(&format!("\n      {difference}"));
        }
    }
    for warning in &plan.topic_warnings {
        text.push_str(&format!("\n      warning: {warning}"));
    }
    text
}

/// How far a phase has come that began so long ago. What is not known yet is left out.
pub fn progress(progress: &Progress, since: Duration) -> String {
    if let Some(what) = &progress.waits_for {
        return format!("waiting for {what}");
    }
    let (events, total) = (progress.events, progress.events_total);
    if total == 0 {
        return format!("{} s", since.as_secs());
    }
    let mut text = format!("{} of {} events", HumanCount(events.min(total)), HumanCount(total));
    if events >= total {
        // The rate would only fall from here on.
        text.push_str(", finishing");
        return text;
    }
    if events > 0 && progress.events_per_second >= 1.0 {
        text.push_str(&format!(", {}/s", HumanCount(progress.events_per_second as u64)));
    }
    if let Some(seconds) = progress.eta_seconds.filter(|_| events > 0) {
        let left = Duration::from_secs_f64(seconds.clamp(1.0, 1e9));
        text.push_str(&format!(", {} left", HumanDuration(left)));
    }
    text
}

pub fn phase(phase: &Phase) -> String {
    if phase.events == 0 {
        return format!("{:>12} took {:.1} s", phase.state.as_str(), phase.seconds);
    }
    let rate = if phase.seconds > 0.0 { phase.events as f64 / phase.seconds } else { 0.0 };
    format!(
        "{:>12} {} events in {:.1} s, {} events/s",
        phase.state.as_str(),
        HumanCount(phase.events),
        phase.seconds,
        HumanCount(rate as u64)
    )
}

pub fn summary(row: &RebuildView) -> String {
    let phases = row.progress.as_ref().map(|progress| progress.phases.as_slice()).unwrap_or_default();
    let seconds: f64 = phases.iter().map(|phase| phase.seconds).sum();
    let events = row.plan.as_ref().map_or(0, |plan| plan.events);
    let rate = if seconds > 0.0 { events as f64 / seconds } else { 0.0 };
    let mut text = format!("rebuild {}: {}", row.id, row.state);
    match (row.state, row.build, &row.plan) {
        (State::Active, Some(build), Some(plan)) => {
            text.push_str(&format!(", build {} → {build}", plan.live_build));
        }
        (_, Some(build), _) => text.push_str(&format!(", build {build}")),
        _ => {}
    }
    if matches!(row.state, State::Active | State::Ready) {
        text.push_str(&format!(
            "; {} events in {seconds:.1} s, {} events/s overall",
            HumanCount(events),
            HumanCount(rate as u64)
        ));
    }
    match &row.differences {
        Some(differences) => {
            text.push_str(&format!("; {} differences", HumanCount(differences.total)));
            for difference in &differences.listed {
                text.push_str(&format!("\n  {difference}"));
            }
        }
        None if matches!(row.state, State::Active | State::Ready) => text.push_str("; no differences"),
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_printed_with_its_rate() {
        let done = Phase { state: State::Loading, events: 1_000_000, seconds: 2.0 };
        assert_eq!(phase(&done).trim(), "loading 1,000,000 events in 2.0 s, 500,000 events/s");
        let done = Phase { state: State::Switching, events: 0, seconds: 1.5 };
        assert_eq!(phase(&done).trim(), "switching took 1.5 s");
    }

    #[test]
    fn what_is_not_known_of_the_progress_is_left_out() {
        let at = |events, events_total, events_per_second, eta_seconds| {
            let now =
                Progress { events, events_total, events_per_second, eta_seconds, ..Progress::default() };
            progress(&now, Duration::from_secs(7))
        };
        assert_eq!(at(0, 0, 0.0, None), "7 s");
        assert_eq!(at(0, 5000, 0.0, None), "0 of 5,000 events");
        assert_eq!(at(1000, 5000, 0.0, None), "1,000 of 5,000 events");
        assert_eq!(at(1000, 5000, 2000.0, Some(2.0)), "1,000 of 5,000 events, 2,000/s, 2 seconds left");
        assert_eq!(at(4999, 5000, 2000.0, Some(0.0)), "4,999 of 5,000 events, 2,000/s, 1 second left");
        assert_eq!(at(5000, 5000, 2000.0, Some(0.0)), "5,000 of 5,000 events, finishing");
    }
}
