//! How large the new build will be, and how fast it will be made.

use views::rebuild::State;

use crate::plan::RateSource;
use crate::progress::Progress;

/// Of a build with its indexes, where none is large enough to be measured.
const BYTES_PER_EVENT: f64 = 600.0;
/// Sorting and the write-ahead log need room for a while, beside the build itself.
const DISK_PER_BYTE_OF_BUILD: f64 = 1.5;
/// From the first event to the switch, where no rebuild was measured.
const EVENTS_PER_SECOND: f64 = 50_000.0;
/// With fewer events, fixed costs such as start-up and empty pages distort what is measured.
const FEWEST_MEASURED: u64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Of the build on disk.
    pub(super) bytes: u64,
    /// While the build is made.
    pub(super) disk_needed_bytes: u64,
}

impl Size {
    /// Of a build of `events`, by what the live build takes.
    pub(super) fn estimate(events: u64, live_events: u64, live_bytes: u64) -> Self {
        let per_event = match live_events {
            FEWEST_MEASURED.. => live_bytes as f64 / live_events as f64,
            _ => BYTES_PER_EVENT,
        };
        let bytes = events as f64 * per_event;
        Self { bytes: bytes as u64, disk_needed_bytes: (bytes * DISK_PER_BYTE_OF_BUILD) as u64 }
    }
}

/// The loaded events by all the time that the last rebuild took.
pub(super) fn rate(last: Option<&Progress>) -> (f64, RateSource) {
    match last.and_then(measured_rate) {
        Some(rate) => (rate, RateSource::LastRebuild),
        None => (EVENTS_PER_SECOND, RateSource::Default),
    }
}

fn measured_rate(progress: &Progress) -> Option<f64> {
    let loaded = progress.phases.iter().find(|phase| phase.state == State::Loading)?.events;
    let seconds = progress.elapsed().as_secs_f64();
    (loaded >= FEWEST_MEASURED && seconds > 0.0).then(|| (loaded as f64 / seconds).round())
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

    #[test]
    fn the_last_rebuild_tells_the_rate_once_it_was_large_enough() {
        let progress = |events| {
            let phases = [(State::Loading, events, 1.5), (State::Deriving, events, 0.5)];
            let phases = phases.map(|(state, events, seconds)| Phase { state, events, seconds });
            Progress { phases: phases.into(), ..Progress::default() }
        };
        assert_eq!(rate(Some(&progress(10_000))), (5000.0, RateSource::LastRebuild));
        assert_eq!(rate(Some(&progress(9_999))), (EVENTS_PER_SECOND, RateSource::Default));
        assert_eq!(rate(None), (EVENTS_PER_SECOND, RateSource::Default));
    }
}
