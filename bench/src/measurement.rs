//! The result of one run of one step.

use serde::Serialize;

use crate::latency::Latency;
use crate::tables::Size;

/// Times are in seconds and sizes in bytes. What could not be measured is `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measurement {
    pub step: String,
    /// Counts from 1. The warm-up has 0.
    pub repetition: u32,
    /// The events that were read and, except by `read`, committed; or the requests to the API.
    pub events: u64,
    /// The time that the rate refers to: see [`crate::report::DEFINITIONS`].
    pub seconds: f64,
    pub events_per_second: f64,
    /// From the start of the process to its end.
    pub process_seconds: Option<f64>,
    /// From the claim of the partitions to the first commit that was observed.
    pub first_commit_seconds: Option<f64>,
    /// User and system time of the measured process, or, in `copy`, of this one.
    pub cpu_seconds: Option<f64>,
    /// User and system time of all processes of the PostgreSQL server.
    pub postgres_cpu_seconds: Option<f64>,
    /// Time for which the processors of the machine were not idle, summed up.
    pub machine_busy_seconds: Option<f64>,
    /// Time that passed meanwhile, summed up over the processors.
    pub machine_seconds: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    pub wal_bytes: Option<u64>,
    /// The share of updates of `orders` that changed no index.
    pub hot_ratio: Option<f64>,
    /// Inserts and updates of `orders`.
    pub order_rows_written: Option<u64>,
    /// How many orders there are in the end.
    pub orders: Option<u64>,
    /// The size of the history, with its indexes and TOAST, in the end.
    pub history_bytes: Option<u64>,
    /// That of the orders.
    pub orders_bytes: Option<u64>,
    /// The latencies of single events or requests.
    pub latency_ms: Option<Latency>,
    /// The step whose latencies these are compared with.
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

    pub fn add_size(&mut self, size: Size, orders: u64) {
        self.orders = Some(orders);
        (self.history_bytes, self.orders_bytes) = (Some(size.history), Some(size.orders));
    }

    /// Bytes on disk per event: history and orders.
    pub fn disk_per_event(&self) -> Option<f64> {
        Some((self.history_bytes? + self.orders_bytes?) as f64 / self.events.max(1) as f64)
    }

    /// Bytes of the orders' table per order; `None` if there are none.
    pub fn disk_per_order(&self) -> Option<f64> {
        Some(self.orders_bytes? as f64 / self.orders.filter(|orders| *orders > 0)? as f64)
    }

    /// The share of the processors' time that was not idle, no matter which process used it.
    pub fn busy(&self) -> Option<f64> {
        Some(self.machine_busy_seconds? / self.machine_seconds.filter(|all| *all > 0.0)?)
    }

    /// The share of the processors' time that was used by others than the measured process and PostgreSQL.
    pub fn others(&self) -> Option<f64> {
        let ours = self.cpu_seconds? + self.postgres_cpu_seconds.unwrap_or(0.0);
        Some((self.machine_busy_seconds? - ours).max(0.0) / self.machine_seconds.filter(|all| *all > 0.0)?)
    }

    /// Microseconds per event.
    pub fn micros_per_event(&self, seconds: Option<f64>) -> Option<f64> {
        Some(seconds? * 1e6 / self.events.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_on_disk_are_those_of_both_tables_per_event_and_of_the_orders_per_order() {
        let mut measured = Measurement::timed("drain", 1, 400, 1.0);
        assert_eq!((measured.disk_per_event(), measured.disk_per_order()), (None, None));
        measured.add_size(Size { history: 40_000, orders: 20_000 }, 100);
        assert_eq!((measured.disk_per_event(), measured.disk_per_order()), (Some(150.0), Some(200.0)));
        measured.add_size(Size { history: 40_000, orders: 0 }, 0);
        assert_eq!((measured.disk_per_event(), measured.disk_per_order()), (Some(100.0), None));
    }
}
