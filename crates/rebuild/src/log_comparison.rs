//! Whether two readings of the log have seen the same records, and where they begin to differ.
//!
//! A log can lose records and still begin at offset 0: compaction removes older records of a key, wherever
//! they stand. A rebuild from such a log would end without a difference, and the history that the live
//! tables have would be gone. The digests that a build keeps along with its positions show it.

use std::collections::BTreeMap;

use orders::{LogDigest, LogPrefix, Partition};
use serde::{Deserialize, Serialize};

/// How much of what the live build has applied was compared with the log before loading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogComparison {
    /// Records of the live build that were compared before the time limit.
    pub records_compared: u64,
    /// Records that the live build has read.
    pub records_total: u64,
    /// The first range that differs, for each partition that has one.
    pub differences: Vec<LogDifference>,
}

/// A range of a partition in which the log does not hold the records that the live build has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogDifference {
    pub partition: i32,
    pub from_offset: i64,
    /// One past the last offset of the range.
    pub to_offset: i64,
    /// Records that the live build has read in this range, or the new one if the log has changed behind its back.
    pub live_records: u64,
    /// Records that the log holds in this range; if as many, they are other ones.
    pub log_records: u64,
}

/// What a build has read of each partition: the prefixes at its checkpoints and, last, at its position.
pub(crate) type ReadLog = BTreeMap<Partition, Vec<LogPrefix>>;

/// The checkpoints at which a comparison may look, and the positions up to which it goes.
pub(crate) fn read_log(
    prefixes: &BTreeMap<Partition, LogPrefix>,
    mut checkpoints: BTreeMap<Partition, Vec<LogPrefix>>,
) -> ReadLog {
    let with_checkpoints = |(partition, last): (&Partition, &LogPrefix)| {
        let mut all = checkpoints.remove(partition).unwrap_or_default();
        all.retain(|one| one.position < last.position);
        all.push(*last);
        (*partition, all)
    };
    prefixes.iter().map(with_checkpoints).collect()
}

/// The first range in which `read` differs from what the live build has read. Both are in ascending
/// order, and only positions that both have can be compared.
pub(crate) fn first_difference(
    partition: Partition,
    live: &[LogPrefix],
    read: &[LogPrefix],
) -> Option<LogDifference> {
    let read: BTreeMap<_, _> = read.iter().map(|one| (one.position, one.digest)).collect();
    let mut same = LogPrefix::EMPTY;
    for one in live {
        match read.get(&one.position) {
            None => {}
            Some(digest) if *digest == one.digest => same = *one,
            Some(digest) => {
                return Some(LogDifference::between(partition, same, *one, *digest));
            }
        }
    }
    None
}

impl LogDifference {
    /// Between `same`, up to where nothing differs, and the position of `live`. `read`: what the log holds up to there.
    pub(crate) fn between(partition: Partition, same: LogPrefix, live: LogPrefix, read: LogDigest) -> Self {
        let since = |digest: LogDigest| digest.records.wrapping_sub(same.digest.records);
        Self {
            partition: partition.0,
            from_offset: same.position.0,
            to_offset: live.position.0,
            live_records: since(live.digest),
            log_records: since(read),
        }
    }

    /// `reader`: who has read the records that the log should hold.
    fn describe(&self, reader: &str) -> String {
        let Self { partition, from_offset, to_offset, live_records, log_records } = self;
        let held = match live_records == log_records {
            true => "as many, but other ones".to_owned(),
            false => log_records.to_string(),
        };
        format!(
            "partition {partition}, offsets {from_offset} to {}: {reader} applied {live_records} records, and the log holds \
             {held}",
            to_offset - 1
        )
    }

    /// Whether the log holds records that the reader has not applied.
    fn has_more(&self) -> bool {
        self.log_records > self.live_records
    }
}

impl std::fmt::Display for LogDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe("the live tables have"))
    }
}

/// How to rebuild from a log that has lost records.
pub(crate) const KEEP_HISTORY: &str = "To rebuild all the same, with what the log no longer holds taken over from the live \
     tables, run replay-rebuild --keep-history REASON, or POST /rebuilds with keep_history";

/// Taking history over cannot help if there is nothing in it that the log has not.
const FILL_ANOTHER: &str = "There is nothing to keep: a consumer with an empty database (DATABASE_URL) and \
     --take-over-group fills it with all that the log holds";

/// Whether the log holds records that the live tables have never applied, so that there is no point in keeping history.
pub(crate) fn has_more(differences: &[LogDifference]) -> bool {
    differences.iter().any(LogDifference::has_more)
}

/// Why a rebuild is refused, and the way out.
pub(crate) fn describe(topic: &str, differences: &[LogDifference]) -> String {
    let way_out = if has_more(differences) { FILL_ANOTHER } else { KEEP_HISTORY };
    format!(
        "topic {topic} does not hold the records that the live tables were made from: {}. {}. The live tables stay \
         as they are. {way_out}",
        ranges(differences, "the live tables have"),
        meaning(differences)
    )
}

/// Why a rebuild fails if the log has changed behind its back.
pub(crate) fn describe_lost(topic: &str, differences: &[LogDifference]) -> String {
    format!(
        "topic {topic} no longer holds the records that this rebuild has read from it: {}. {}. The new build was not \
         switched to, and the live tables stay as they are. {KEEP_HISTORY}",
        ranges(differences, "the new build has"),
        meaning_of_loss(differences)
    )
}

fn ranges(differences: &[LogDifference], reader: &str) -> String {
    differences.iter().map(|one| one.describe(reader)).collect::<Vec<_>>().join("; ")
}

fn meaning(differences: &[LogDifference]) -> &'static str {
    match has_more(differences) {
        true => "Usually a position was moved over records that the live tables then never applied",
        false => meaning_of_loss(differences),
    }
}

fn meaning_of_loss(differences: &[LogDifference]) -> &'static str {
    if differences.iter().any(|one| one.log_records < one.live_records) {
        "Usually such a topic is compacted (cleanup.policy=compact), or records were deleted from it (delete-records)"
    } else {
        "Usually such a topic was created again, with other records"
    }
}

#[cfg(test)]
mod tests {
    use orders::Position;

    use super::*;

    fn prefixes(all: &[(i64, u64)]) -> Vec<LogPrefix> {
        let prefix = |(position, records): &(i64, u64)| LogPrefix {
            position: Position(*position),
            digest: LogDigest { records: *records, sum: records * 7 },
        };
        all.iter().map(prefix).collect()
    }

    #[test]
    fn the_first_range_that_differs_is_named_with_its_numbers() {
        let live = prefixes(&[(100, 90), (200, 180), (300, 270), (310, 280)]);
        assert_eq!(first_difference(Partition(2), &live, &live), None);
        let read = prefixes(&[(100, 90), (300, 250), (310, 260)]);
        let difference = first_difference(Partition(2), &live, &read).unwrap();
        let expected = LogDifference {
            partition: 2,
            from_offset: 100,
            to_offset: 300,
            live_records: 180,
            log_records: 160,
        };
        assert_eq!(difference, expected);
        assert!(difference.to_string().contains("offsets 100 to 299"), "{difference}");
    }

    #[test]
    fn other_records_differ_even_if_they_are_as_many() {
        let live = prefixes(&[(10, 10)]);
        let mut read = live.clone();
        read[0].digest.sum += 1;
        let difference = first_difference(Partition(0), &live, &read).unwrap();
        assert!(difference.to_string().ends_with("as many, but other ones"), "{difference}");
        let reason = describe("t", &[difference]);
        assert!(reason.contains("created again") && reason.contains("--keep-history"), "{reason}");
    }

    #[test]
    fn a_comparison_ends_at_the_position() {
        let prefix = prefixes(&[(150, 140)])[0];
        let checkpoints = [(Partition(0), prefixes(&[(100, 90), (200, 190)]))].into();
        let live = read_log(&[(Partition(0), prefix)].into(), checkpoints);
        assert_eq!(live[&Partition(0)], prefixes(&[(100, 90), (150, 140)]));
    }
}
