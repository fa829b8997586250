//! The latencies of one step over its repetitions, and their ratios to those of the step that it is compared
//! with.

use serde::Serialize;

use crate::latency::Latency;
use crate::measurement::Measurement;
use crate::statistics::median;

/// Medians of the repetitions.
#[derive(Debug, Serialize)]
pub struct Timing {
    step: String,
    per_second: f64,
    latency_ms: Latency,
    /// Lowest and highest p99, in milliseconds.
    p99_spread: (f64, f64),
    comparison: Option<Comparison>,
}

/// Ratios to another step of the same repetition, medians of the repetitions.
#[derive(Debug, Serialize)]
struct Comparison {
    step: &'static str,
    per_second: f64,
    p50: f64,
    p99: f64,
}

impl Timing {
    pub fn of(step: &str, all: &[Measurement]) -> Self {
        let own: Vec<(&Measurement, Latency)> = of_step(step, all).collect();
        let middle = |value: &dyn Fn(&Latency) -> f64| {
            median(&own.iter().map(|(_, latency)| value(latency)).collect::<Vec<_>>()).unwrap_or_default()
        };
        let rates: Vec<f64> = own.iter().map(|(one, _)| one.events_per_second).collect();
        let p99s = || own.iter().map(|(_, latency)| latency.p99);
        Self {
            step: step.to_owned(),
            per_second: median(&rates).unwrap_or_default(),
            latency_ms: Latency {
                p50: middle(&|one| one.p50),
                p99: middle(&|one| one.p99),
                p999: middle(&|one| one.p999),
                max: middle(&|one| one.max),
            },
            p99_spread: (p99s().fold(f64::INFINITY, f64::min), p99s().fold(0.0, f64::max)),
            comparison: own.first().and_then(|(one, _)| Comparison::of(one.compared_with?, &own, all)),
        }
    }
}

impl Comparison {
    /// `None` if that step was not measured.
    fn of(step: &'static str, own: &[(&Measurement, Latency)], all: &[Measurement]) -> Option<Self> {
        let pairs: Vec<_> = own
            .iter()
            .filter_map(|(one, latency)| {
                let (other, theirs) =
                    of_step(step, all).find(|(other, _)| other.repetition == one.repetition)?;
                let rate = one.events_per_second / other.events_per_second;
                Some((rate, latency.p50 / theirs.p50, latency.p99 / theirs.p99))
            })
            .collect();
        let middle =
            |value: fn(&(f64, f64, f64)) -> f64| median(&pairs.iter().map(value).collect::<Vec<_>>());
        Some(Self {
            step,
            per_second: middle(|pair| pair.0)?,
            p50: middle(|pair| pair.1)?,
            p99: middle(|pair| pair.2)?,
        })
    }
}

fn of_step<'a>(step: &str, all: &'a [Measurement]) -> impl Iterator<Item = (&'a Measurement, Latency)> {
    all.iter().filter(move |one| one.step == step).filter_map(|one| Some((one, one.latency_ms?)))
}

pub fn rows(timings: &[Timing]) -> Vec<Vec<String>> {
    let header = [
        "step", "per s", "p50 ms", "p99 ms", "min", "max", "p99.9 ms", "longest", "per s x", "p50 x",
        "p99 x", "of",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for Timing { step, per_second, latency_ms, p99_spread, comparison } in timings {
        let mut row = vec![step.clone(), format!("{per_second:.0}")];
        let (min, max) = p99_spread;
        let times = [latency_ms.p50, latency_ms.p99, *min, *max, latency_ms.p999, latency_ms.max];
        row.extend(times.map(|time| format!("{time:.2}")));
        match comparison {
            Some(Comparison { step, per_second, p50, p99 }) => {
                row.extend([*per_second, *p50, *p99].map(|ratio| format!("{ratio:.2}")));
                row.push((*step).to_owned());
            }
            None => row.extend(["-"; 4].map(str::to_owned)),
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_compared_within_a_repetition() {
        let measured = |step: &str, repetition, p99, compared_with| Measurement {
            latency_ms: Some(Latency { p50: 1.0, p99, p999: p99, max: p99 }),
            compared_with,
            ..Measurement::timed(step, repetition, 100, 1.0)
        };
        let all = [
            measured("ours", 1, 2.0, Some("theirs")),
            measured("theirs", 1, 1.0, None),
            measured("ours", 2, 3.0, Some("theirs")),
            measured("theirs", 2, 3.0, None),
        ];
        let timing = Timing::of("ours", &all);
        assert_eq!((timing.latency_ms.p99, timing.p99_spread), (2.5, (2.0, 3.0)));
        assert_eq!(timing.comparison.unwrap().p99, 1.5);
        assert!(Timing::of("theirs", &all).comparison.is_none());
    }
}
