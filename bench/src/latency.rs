//! The distribution of latencies.

use std::time::Duration;

use serde::Serialize;

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latency {
    /// `None` if there are no samples.
    pub fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        // The smallest sample that this many thousandths of all samples do not exceed.
        let at = |thousandths: usize| {
            let rank = (samples.len() * thousandths).div_ceil(1000).max(1);
            Some(samples.get(rank - 1)?.as_secs_f64() * 1000.0)
        };
        Some(Self { p50: at(500)?, p99: at(990)?, p999: at(999)?, max: at(1000)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        assert_eq!(Latency::of(Vec::new()), None);
        let samples = (1..=1000).rev().map(Duration::from_millis).collect();
        let latency = Latency { p50: 500.0, p99: 990.0, p999: 999.0, max: 1000.0 };
        assert_eq!(Latency::of(samples), Some(latency));
        let one = Latency { p50: 7.0, p99: 7.0, p999: 7.0, max: 7.0 };
        assert_eq!(Latency::of(vec![Duration::from_millis(7)]), Some(one));
    }
}
