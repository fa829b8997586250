//! What one run of one step showed.

use serde::Serialize;

use crate::latency::Latency;

/// Times in seconds, sizes in bytes. What could not be measured is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measurement {
    pub step: String,
    /// From 1; 0 is the warm-up.
    pub repetition: u32,
    /// Read and, but for `read`, committed. Of a step that reads through the API: requests.
    pub events: u64,
    /// What the rate is about: see [`crate::report::DEFINITIONS`].
    pub seconds: f64,
    pub events_per_second: f64,
    /// From the start of the process to its end.
    pub process_seconds: Option<f64>,
    /// From the claim of the partitions to the first commit that was seen.
    pub first_commit_seconds: Option<f64>,
    /// User and system time of the measured process; of `copy`, of the bench itself.
    pub cpu_seconds: Option<f64>,
    /// The same of all processes of the PostgreSQL server.
    pub postgres_cpu_seconds: Option<f64>,
    /// Time that all processors of the machine together were not idle.
    pub machine_busy_seconds: Option<f64>,
    /// Time that all processors together had, over the same span.
    pub machine_seconds: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    pub wal_bytes: Option<u64>,
    /// Share of the updates of `orders` that touched no index.
    pub hot_ratio: Option<f64>,
    /// Rows of `orders` written: inserted and updated.
    pub order_rows_written: Option<u64>,
    /// Of single events or requests.
    pub latency_ms: Option<Latency>,
    /// The step whose latencies these are held against.
    pub compared_with: Option<&'static str>,
}

impl Measurement {
    pub fn timed(step: impl Into<String>, repetition: u32, events: u64, seconds: f64) -> Self {
        let seconds = seconds.max(1e-9);
        Self {
            step: step.into(),
            repetition,
            events,
            seconds,
            events_per_second: events as f64 / seconds,
            ..Self::default()
        }
    }

    /// Share of the machine's processors that was not idle, whoever used them.
    pub fn busy(&self) -> Option<f64> {
        Some(self.machine_busy_seconds? / self.machine_seconds.filter(|all| *all > 0.0)?)
    }

    /// The part of that which went neither to the measured process nor to PostgreSQL.
    pub fn others(&self) -> Option<f64> {
        let ours = self.cpu_seconds? + self.postgres_cpu_seconds.unwrap_or(0.0);
        Some((self.machine_busy_seconds? - ours).max(0.0) / self.machine_seconds.filter(|all| *all > 0.0)?)
    }

    /// Microseconds per event.
    pub fn micros_per_event(&self, seconds: Option<f64>) -> Option<f64> {
        Some(seconds? * 1e6 / self.events.max(1) as f64)
    }
}
