//! The results: a table for people, JSON for programs.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use service::{Exit, Failure};

use crate::args::{Options, Step};
use crate::backlog::Backlog;
use crate::environment::Environment;
use crate::measurement::Measurement;
use crate::table;
use crate::timing::{self, Timing};

/// What the numbers are, said with them.
pub const DEFINITIONS: [&str; 11] = [
    "seconds of drain: from the claim of the partitions (reading begins) to the moment all positions in PostgreSQL \
     have reached the log's end, seen every 10 ms; without start-up, joining the group and leaving it",
    "seconds of copy, copy-2: from the first BEGIN to the last COMMIT; the very rows that a drain wrote, in its order, \
     from memory, into the same table with the same indexes; one connection and one transaction, or two of each",
    "seconds of read and of the baselines: from the first assignment of partitions to the last commit",
    "process: from the start of the process to its end, start-up and the group included",
    "ratio: to copy of the same repetition, median of the repetitions",
    "CPU: user and system time per event, of the measured process and of all processes of PostgreSQL; \
     busy: share of the machine's processors that was not idle; others: used by none of these (the broker is among them)",
    "all sessions that write have synchronous_commit=off, the consumer's default; the baselines write the same tables \
     (without orders.details)",
    "rows-1000 and rows-1 stop after --sample-seconds; all others work through the whole backlog",
    "rebuild-load: the time that replay-rebuild itself notes for loading the history; rebuild: the whole process, until the \
     new tables were verified and serve",
    "latency-*: from the producer's send (linger 1 ms) to the first look of a reader that sees the row, a look each \
     millisecond or two; the first five seconds are not counted; half-drain: beside them the producer writes at half of the warm-up drain's rate",
    "get-*, list*: answers of the api per second to four clients that ask one after the other, from the first byte sent to \
     the last one received; all programs share the processors",
];

/// Less than this share of the processors is used by others on a quiet machine.
const QUIET: f64 = 0.15;

#[derive(Serialize)]
pub struct Report<'a> {
    environment: Environment,
    backlog: &'a Backlog,
    repeat: u32,
    in_flight_orders: u64,
    consumers: u16,
    consumer_arguments: Vec<String>,
    definitions: [&'static str; 11],
    summary: Vec<Summary>,
    latencies: Vec<Timing>,
    measurements: Vec<Measurement>,
}

/// One step over its repetitions, in events per second.
#[derive(Debug, Serialize)]
struct Summary {
    step: String,
    median: f64,
    min: f64,
    max: f64,
    /// To `copy` of the same repetition: one for each.
    ratios_to_copy: Vec<f64>,
}

impl<'a> Report<'a> {
    pub fn new(
        environment: Environment,
        options: &Options,
        backlog: &'a Backlog,
        measurements: Vec<Measurement>,
    ) -> Self {
        let (timed, rates): (Vec<&str>, Vec<&str>) =
            steps(&measurements).into_iter().partition(|step| is_timed(step, &measurements));
        let summary = rates.into_iter().map(|step| Summary::of(step, &measurements)).collect();
        let latencies = timed.into_iter().map(|step| Timing::of(step, &measurements)).collect();
        Self {
            environment,
            backlog,
            repeat: options.repeat,
            in_flight_orders: options.in_flight,
            consumers: options.consumers,
            consumer_arguments: options.consumer_arg.iter().map(|arg| arg.display().to_string()).collect(),
            definitions: DEFINITIONS,
            summary,
            latencies,
            measurements,
        }
    }

    pub fn print(&self) -> Result<(), Failure> {
        let Environment { processor, processors, kernel, load_before, rustc, librdkafka, .. } =
            &self.environment;
        let Environment { kafka, postgres, postgres_program, .. } = &self.environment;
        let Backlog { events, orders, partitions, value_bytes, .. } = self.backlog;
        let mut out = std::io::stdout().lock();
        writeln!(out)?;
        writeln!(out, "{processors} x {processor}, Linux {kernel}, load before {load_before}")?;
        writeln!(
            out,
            "PostgreSQL {postgres} ({}), Kafka {kafka}, librdkafka {librdkafka}, {rustc}",
            postgres_program.as_deref().unwrap_or("on another machine, or of another user")
        )?;
        writeln!(
            out,
            "{events} events of {} bytes, {orders} orders, {partitions} partitions; {} repetitions, interleaved",
            value_bytes.unwrap_or_default() / (*events).max(1),
            self.repeat
        )?;
        if !self.summary.is_empty() {
            writeln!(out, "\n{}", table::format(&self.rows()))?;
        }
        if !self.latencies.is_empty() {
            writeln!(out, "\n{}", table::format(&timing::rows(&self.latencies)))?;
        }
        let others: Vec<f64> = self.measurements.iter().filter_map(Measurement::others).collect();
        if median(&others).is_some_and(|share| share > QUIET) {
            writeln!(
                out,
                "WARNING: other programs used the processors meanwhile; rates and ratios mean little.\n"
            )?;
        }
        for definition in self.definitions {
            writeln!(out, "- {definition}")?;
        }
        Ok(())
    }

    /// All of it, as JSON.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self)?;
        fs::write(file, json + "\n").map_err(|error| {
            Failure::new(Exit::Usage, format!("{} cannot be written: {error}", file.display()))
        })
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let header = [
            "step",
            "events/s",
            "min",
            "max",
            "ratio",
            "min",
            "max",
            "process s",
            "CPU us",
            "PG us",
            "busy %",
            "others %",
            "WAL B/event",
            "HOT %",
            "peak MB",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        for summary in &self.summary {
            let all: Vec<&Measurement> =
                self.measurements.iter().filter(|one| one.step == summary.step).collect();
            let of = |value: &dyn Fn(&Measurement) -> Option<f64>, digits: usize| {
                let values: Vec<f64> = all.iter().filter_map(|one| value(one)).collect();
                median(&values).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
            };
            let ratio =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
            let ratios = &summary.ratios_to_copy;
            rows.push(vec![
                summary.step.clone(),
                format!("{:.0}", summary.median),
                format!("{:.0}", summary.min),
                format!("{:.0}", summary.max),
                ratio(median(ratios)),
                ratio(ratios.iter().copied().reduce(f64::min)),
                ratio(ratios.iter().copied().reduce(f64::max)),
                of(&|one| one.process_seconds, 2),
                of(&|one| one.micros_per_event(one.cpu_seconds), 2),
                of(&|one| one.micros_per_event(one.postgres_cpu_seconds), 2),
                of(&|one| Some(100.0 * one.busy()?), 0),
                of(&|one| Some(100.0 * one.others()?), 0),
                of(&|one| Some(one.wal_bytes? as f64 / one.events.max(1) as f64), 0),
                of(&|one| Some(100.0 * one.hot_ratio?), 1),
                of(&|one| Some(one.peak_memory_bytes? as f64 / 1e6), 0),
            ]);
        }
        rows
    }
}

/// The steps that were measured, in their order.
fn steps(all: &[Measurement]) -> Vec<&str> {
    let mut steps: Vec<&str> = Vec::new();
    for one in all {
        if !steps.contains(&one.step.as_str()) {
            steps.push(&one.step);
        }
    }
    steps
}

fn is_timed(step: &str, all: &[Measurement]) -> bool {
    all.iter().any(|one| one.step == step && one.latency_ms.is_some())
}

impl Summary {
    fn of(step: &str, all: &[Measurement]) -> Self {
        let own = || all.iter().filter(|one| one.step == step);
        let rates: Vec<f64> = own().map(|one| one.events_per_second).collect();
        let copy = Step::Copy.name();
        let ratios_to_copy = own()
            .filter_map(|one| {
                let copy =
                    all.iter().find(|other| other.step == copy && other.repetition == one.repetition)?;
                Some(one.events_per_second / copy.events_per_second)
            })
            .collect();
        Self {
            step: step.to_owned(),
            median: median(&rates).unwrap_or_default(),
            min: rates.iter().copied().reduce(f64::min).unwrap_or_default(),
            max: rates.iter().copied().reduce(f64::max).unwrap_or_default(),
            ratios_to_copy,
        }
    }
}

/// The middle one; the mean of both where there are two.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        len if len % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        let all = [
            Measurement::timed("copy", 1, 100, 1.0),
            Measurement::timed("drain", 1, 100, 2.0),
            Measurement::timed("copy", 2, 100, 2.0),
            Measurement::timed("drain", 2, 100, 2.0),
        ];
        assert_eq!(Summary::of("drain", &all).ratios_to_copy, [0.5, 1.0]);
    }
}
