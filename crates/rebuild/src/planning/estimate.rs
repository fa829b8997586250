//! How large the new build will be, and how fast it will be made.

use views::rebuild::State;

use crate::plan::RateSource;
use crate::progress::Progress;

/// The assumed size per event, with indexes, if no build is large enough to measure.
const BYTES_PER_EVENT: f64 = 600.0;
/// Sorting and the write-ahead log need room for a while, beside the build itself.
const DISK_PER_BYTE_OF_BUILD: f64 = 1.5;
/// Seconds that every rebuild takes, however few events there are: to connect, plan, make the tables, verify the
/// last stretch and switch. Assumed if no rebuild was measured.
const FIXED_SECONDS: f64 = 1.0;
/// Assumed speed beyond that, if no rebuild was measured.
const EVENTS_PER_SECOND: f64 = 150_000.0;
/// Fewer events leave pages empty, which distorts the size of one.
const FEWEST_MEASURED: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Size of the build on disk.
    pub(super) bytes: u64,
    /// Disk space that is needed while the build is made.
    pub(super) disk_needed_bytes: u64,
}

impl Size {
    /// Estimates the size of a build of `events` from that of the live build.
    pub(super) fn estimate(events: u64, live_events: u64, live_bytes: u64) -> Self {
        let per_event = match live_events {
            FEWEST_MEASURED.. => live_bytes as f64 / live_events as f64,
            _ => BYTES_PER_EVENT,
        };
        let bytes = events as f64 * per_event;
        Self { bytes: bytes as u64, disk_needed_bytes: (bytes * DISK_PER_BYTE_OF_BUILD) as u64 }
    }
}

/// How long a rebuild of `events` takes: as much longer or shorter than expected as the last one took, whatever its size.
pub(super) fn seconds(events: u64, last: Option<&Progress>) -> (f64, RateSource) {
    match last.and_then(slowness) {
        Some(slowness) => (expected_seconds(events) * slowness, RateSource::LastRebuild),
        None => (expected_seconds(events), RateSource::Default),
    }
}

fn expected_seconds(events: u64) -> f64 {
    FIXED_SECONDS + events as f64 / EVENTS_PER_SECOND
}

/// What a rebuild took, as a multiple of what was to be expected.
fn slowness(progress: &Progress) -> Option<f64> {
    // A rebuild that another process continued has loaded in several phases.
    let loading = progress.phases.iter().filter(|phase| phase.state == State::Loading);
    let loaded = loading.map(|phase| phase.events).sum();
    let seconds = progress.elapsed().as_secs_f64();
    (seconds > 0.0).then(|| seconds / expected_seconds(loaded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Phase;

    #[test]
    fn the_live_build_tells_the_size_once_it_is_large_enough() {
        let size = Size::estimate(100_000, 20_000, 4_000_000);
        assert_eq!(size, Size { bytes: 20_000_000, disk_needed_bytes: 30_000_000 });
        let size = Size::estimate(1000, 9_999, 9_999_000_000);
        assert_eq!(size, Size { bytes: 600_000, disk_needed_bytes: 900_000 });
    }

    fn measured(events: u64, seconds: f64) -> Progress {
        let phases = [(State::Loading, events, seconds * 0.75), (State::Deriving, events, seconds * 0.25)];
        let phases = phases.map(|(state, events, seconds)| Phase { state, events, seconds });
        Progress { phases: phases.into(), ..Progress::default() }
    }

    #[test]
    fn the_same_rebuild_again_takes_as_long_as_the_last_one() {
        for (events, took) in [(0, 0.8), (100, 1.5), (9_999, 0.9), (1_000_000, 40.0), (100_000_000, 600.0)] {
            let (estimated, source) = seconds(events, Some(&measured(events, took)));
            assert!((estimated - took).abs() < 1e-6, "{events}: {estimated}");
            assert_eq!(source, RateSource::LastRebuild);
        }
    }

    #[test]
    fn a_small_rebuild_does_not_make_a_large_one_seem_endless() {
        // 1.2 s for 100 events are fixed costs, and no rate.
        let (estimated, _) = seconds(1_000_000, Some(&measured(100, 1.2)));
        assert!((5.0..15.0).contains(&estimated), "{estimated}");
    }

    #[test]
    fn without_a_measurement_there_is_a_default() {
        let (estimated, source) = seconds(1_500_000, None);
        assert!((estimated - 11.0).abs() < 1e-6, "{estimated}");
        assert_eq!(source, RateSource::Default);
        assert_eq!(seconds(0, Some(&Progress::default())).1, RateSource::Default);
    }
}
