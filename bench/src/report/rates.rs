//! The table of rates, a row per step.

use super::summary::Summary;
use crate::measurement::Measurement;
use crate::statistics::median;

/// The rows of the table, headings first.
pub fn rows(summaries: &[Summary], measurements: &[Measurement]) -> Vec<Vec<String>> {
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
        "disk B/event",
        "orders B/order",
        "HOT %",
        "peak MB",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for summary in summaries {
        let all: Vec<&Measurement> = measurements.iter().filter(|one| one.step == summary.step).collect();
        let of = |value: &dyn Fn(&Measurement) -> Option<f64>, digits: usize| {
            let values: Vec<f64> = all.iter().filter_map(|one| value(one)).collect();
            median(&values).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let ratio = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
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
            of(&Measurement::disk_per_event, 0),
            of(&Measurement::disk_per_order, 0),
            of(&|one| Some(100.0 * one.hot_ratio?), 1),
            of(&|one| Some(one.peak_memory_bytes? as f64 / 1e6), 0),
        ]);
    }
    rows
}
