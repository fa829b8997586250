//! The rates of one step over its repetitions.

use serde::Serialize;

use crate::args::Step;
use crate::measurement::Measurement;
use crate::statistics::median;

/// Rates are in events per second.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub step: String,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// For each repetition, the rate divided by that of `copy`.
    pub ratios_to_copy: Vec<f64>,
}

impl Summary {
    pub fn of(step: &str, all: &[Measurement]) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_to_copy_are_taken_within_a_repetition() {
        let all = [
            Measurement::timed("copy", 1, 100, 1.0),
            Measurement::timed("drain", 1, 100, 2.0),
            Measurement::timed("copy", 2, 100, 2.0),
            Measurement::timed("drain", 2, 100, 2.0),
        ];
        assert_eq!(Summary::of("drain", &all).ratios_to_copy, [0.5, 1.0]);
    }
}
