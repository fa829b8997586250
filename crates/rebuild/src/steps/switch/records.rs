//! Whether the new build and the live one have read the same records.

use std::collections::BTreeMap;

use event_log::{ChunkLimits, KafkaSettings, Replay, Span};
use orders::{LogDigest, LogPrefix, Partition};

use crate::error::Result;
use crate::log_comparison::LogDifference;
use crate::plan::Plan;

type Prefixes = BTreeMap<Partition, LogPrefix>;

/// How far the records of the two builds were compared.
#[derive(Debug)]
pub(super) struct RecordComparison {
    /// What the live build has read up to there.
    compared: Prefixes,
}

impl RecordComparison {
    /// Loading has compared them up to the planned positions.
    pub(super) fn new(plan: &Plan) -> Self {
        Self { compared: plan.live() }
    }

    /// Compares on to where the live build stands. Where the new build is ahead, because no consumer
    /// runs or it lags, this reads the log in between.
    pub(super) async fn compare(
        &mut self,
        kafka: &KafkaSettings,
        live: &Prefixes,
        new: &Prefixes,
    ) -> Result<Vec<LogDifference>> {
        let read = sums(kafka, self.to_be_read(live, new)).await?;
        let mut differences = Vec::new();
        for (partition, live) in live {
            let compared = self.compared.entry(*partition).or_insert(LogPrefix::EMPTY);
            let found = match (new.get(partition), read.get(partition)) {
                (Some(new), _) if new.position == live.position => new.digest,
                (_, Some(sum)) => compared.digest + *sum,
                // The live build stands where it was compared, or is ahead until the rest is applied.
                _ => continue,
            };
            if found == live.digest {
                *compared = *live;
            } else {
                differences.push(LogDifference::between(*partition, *compared, *live, found));
            }
        }
        Ok(differences)
    }

    fn to_be_read(&self, live: &Prefixes, new: &Prefixes) -> BTreeMap<Partition, Span> {
        let span = |(partition, live): (&Partition, &LogPrefix)| {
            let from = self.compared.get(partition).copied().unwrap_or(LogPrefix::EMPTY).position;
            let is_ahead = new.get(partition).is_some_and(|new| new.position > live.position);
            (is_ahead && from < live.position).then_some((*partition, Span { from, to: live.position }))
        };
        live.iter().filter_map(span).collect()
    }
}

/// The digests of what the log holds in these spans.
async fn sums(
    kafka: &KafkaSettings,
    spans: BTreeMap<Partition, Span>,
) -> Result<BTreeMap<Partition, LogDigest>> {
    let mut sums: BTreeMap<_, _> = spans.keys().map(|partition| (*partition, LogDigest::default())).collect();
    if spans.is_empty() {
        return Ok(sums);
    }
    let mut replay = Replay::start(kafka, spans, ChunkLimits::SMALL)?;
    while let Some(chunk) = replay.next().await {
        for (_, record) in chunk?.records() {
            sums.entry(record.partition).or_default().add(&record);
        }
    }
    Ok(sums)
}
