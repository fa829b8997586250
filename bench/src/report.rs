//! The results: a table for people, JSON for programs.

mod definitions;
mod rates;
mod summary;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;
use service::{Exit, Failure};

use crate::args::Options;
use crate::backlog::Backlog;
use crate::environment::Environment;
use crate::measurement::Measurement;
use crate::statistics::median;
use crate::table;
use crate::timing::{self, Timing};

pub use definitions::DEFINITIONS;
use summary::Summary;

/// On a quiet machine, other programs use less than this share of the processors' time.
const QUIET_SHARE: f64 = 0.15;

#[derive(Serialize)]
pub struct Report<'a> {
    environment: Environment,
    backlog: &'a Backlog,
    repeat: u32,
    in_flight_orders: u64,
    consumers: u16,
    consumer_arguments: Vec<String>,
    definitions: [&'static str; 12],
    summary: Vec<Summary>,
    latencies: Vec<Timing>,
    measurements: Vec<Measurement>,
}

impl<'a> Report<'a> {
    pub fn new(
        environment: Environment,
        options: &Options,
        backlog: &'a Backlog,
        measurements: Vec<Measurement>,
    ) -> Self {
        let (timed, rates): (Vec<&str>, Vec<&str>) =
            steps(&measurements).into_iter().partition(|step| has_latencies(step, &measurements));
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
        let Backlog { shape, events, orders, partitions, value_bytes, .. } = self.backlog;
        let mut out = String::from("\n");
        writeln!(out, "{processors} x {processor}, Linux {kernel}, load before {load_before}")?;
        writeln!(
            out,
            "PostgreSQL {postgres} ({}), Kafka {kafka}, librdkafka {librdkafka}, {rustc}",
            postgres_program
                .as_deref()
                .unwrap_or("its program is unknown: it runs on another machine or as another user")
        )?;
        writeln!(
            out,
            "{events} events of {} bytes, {orders} orders (shape {}), {partitions} partitions; {} repetitions, interleaved",
            value_bytes.unwrap_or_default() / (*events).max(1),
            shape.name(),
            self.repeat
        )?;
        if !self.summary.is_empty() {
            writeln!(out, "\n{}", table::format(&rates::rows(&self.summary, &self.measurements)))?;
        }
        if !self.latencies.is_empty() {
            writeln!(out, "\n{}", table::format(&timing::rows(&self.latencies)))?;
        }
        let others: Vec<f64> = self.measurements.iter().filter_map(Measurement::others).collect();
        if median(&others).is_some_and(|share| share > QUIET_SHARE) {
            writeln!(
                out,
                "WARNING: other programs used much of the processors meanwhile. Rates and ratios mean little.\n"
            )?;
        }
        for definition in self.definitions {
            writeln!(out, "- {definition}")?;
        }
        output::data(out.trim_end_matches('\n'))?;
        Ok(())
    }

    /// Writes everything as JSON.
    pub fn write(&self, file: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self)?;
        fs::write(file, json + "\n").map_err(|error| {
            Failure::new(Exit::Usage, format!("could not write {}: {error}", file.display()))
        })
    }
}

/// The steps that were measured, in the order in which they were.
fn steps(all: &[Measurement]) -> Vec<&str> {
    let mut steps: Vec<&str> = Vec::new();
    for one in all {
        if !steps.contains(&one.step.as_str()) {
            steps.push(&one.step);
        }
    }
    steps
}

fn has_latencies(step: &str, all: &[Measurement]) -> bool {
    all.iter().any(|one| one.step == step && one.latency_ms.is_some())
}
