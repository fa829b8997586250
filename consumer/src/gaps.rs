//! `--accept-gap`: skipping records that the log has lost, as a recorded decision.

use event_log::OffsetRanges;
use views::gaps::Gap;
use views::{Build, Session};

use crate::error::Result;
use crate::gap_refused::{GapRefused, Reason};

/// Accepts the gaps in `build`. A gap that was accepted before is left alone, so the flag may stay on the
/// command line.
pub async fn accept(session: &mut Session, build: Build, gaps: &[Gap], ranges: &OffsetRanges) -> Result<()> {
    for gap in gaps.iter().copied() {
        let position = build.positions(session).await?.of(gap.partition);
        if position >= gap.to {
            continue;
        }
        check(gap, ranges)?;
        let reason = "accepted at the start of a consumer, by --accept-gap";
        let Some(decision) = build.accept_gap(session, gap, reason).await? else {
            return Err(GapRefused { gap, reason: Reason::NotNext(position) }.into());
        };
        tracing::warn!(
            decision,
            partition = gap.partition.0,
            from = gap.from.0,
            to = gap.to.0,
            "records that the log has lost are left out, as --accept-gap decides"
        );
    }
    Ok(())
}

/// A gap ends where the log begins.
fn check(gap: Gap, ranges: &OffsetRanges) -> Result<(), GapRefused> {
    let reason = match ranges.get(&gap.partition).map(|range| range.low_watermark) {
        Some(low_watermark) if low_watermark == gap.to => return Ok(()),
        Some(low_watermark) => Reason::BeginsElsewhere(gap.partition, low_watermark),
        None => Reason::NoPartition(gap.partition),
    };
    Err(GapRefused { gap, reason })
}

#[cfg(test)]
mod tests {
    use event_log::OffsetRange;
    use orders::{Partition, Position};

    use super::*;

    #[test]
    fn a_gap_ends_where_the_log_begins() {
        let range = OffsetRange { low_watermark: Position(15), end_offset: Position(30) };
        let ranges = OffsetRanges::from([(Partition(0), range)]);
        let gap =
            |partition, to| Gap { partition: Partition(partition), from: Position(10), to: Position(to) };
        assert_eq!(check(gap(0, 15), &ranges), Ok(()));
        let refused = check(gap(0, 14), &ranges).unwrap_err().to_string();
        assert_eq!(refused, "--accept-gap 0=10..14 refused: partition 0 begins at offset 15 in the log");
        let refused = check(gap(1, 15), &ranges).unwrap_err().to_string();
        assert!(refused.ends_with("the log has no partition 1"), "{refused}");
    }
}
