//! Writes the log into a build that is being made, over a few sessions at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{ChunkLimits, KafkaSettings, Replay, Span, lane_of};
use orders::{Partition, Positions, Record};
use schema_registry::SchemaLookup;
use tokio::task::JoinSet;
use views::lane::{Lane, LaneOptions};
use views::{Build, SynchronousCommit};

use crate::error::{Error, Result};
use crate::log_state;
use crate::meter::Meter;
use crate::settings::Settings;

/// One session keeps one core of the database busy; more would crowd out the live writers.
const LANES: usize = 2;

/// Smaller than the chunks of a live lane: larger ones did not load faster.
const CHUNK: ChunkLimits = ChunkLimits { records: 10_000, bytes: 4 << 20 };

/// A round that took no longer than this has left little to apply.
pub(crate) const SHORT_ROUND: Duration = Duration::from_millis(500);
/// Without a limit, a producer that is faster than the rebuild would keep it catching up for ever.
pub(crate) const MOST_ROUNDS: u32 = 20;

/// The sessions that hold the partitions of one build. Dropping it ends them.
pub(crate) struct BuildWriter {
    kafka: KafkaSettings,
    schemas: SchemaLookup,
    lanes: Vec<Lane>,
    /// The first offsets that the log still has; a partition that is missing has all of them.
    begins: Positions,
    meter: Arc<Meter>,
}

impl BuildWriter {
    /// `owner` is what the position rows of the build will name.
    pub(crate) fn new(settings: &Settings, owner: &str, build: Build, meter: &Arc<Meter>) -> Self {
        Self::on_build(settings, owner, build, meter, false)
    }

    /// Like [`Self::new`], but leaves the orders to be derived later. Reads from `begins` on, where a
    /// position lies before.
    pub(crate) fn history_only(
        settings: &Settings,
        owner: &str,
        build: Build,
        begins: Positions,
        meter: &Arc<Meter>,
    ) -> Self {
        Self { begins, ..Self::on_build(settings, owner, build, meter, true) }
    }

    fn on_build(
        settings: &Settings,
        owner: &str,
        build: Build,
        meter: &Arc<Meter>,
        history_only: bool,
    ) -> Self {
        let options = LaneOptions {
            group: None,
            has_breaker: false,
            database: settings.database.clone(),
            codec: settings.codec.clone(),
            owner: owner.to_owned(),
            // What a crash of the database loses is read from the log again. Changes of the
            // rebuild's state wait for the disk, and with them all commits before.
            synchronous_commit: SynchronousCommit::Off,
        };
        let lanes = (0..LANES).map(|_| Lane::on_build(options.clone(), build, history_only)).collect();
        Self {
            kafka: settings.kafka.clone(),
            schemas: settings.schemas.clone(),
            lanes,
            begins: Positions::new(),
            meter: Arc::clone(meter),
        }
    }

    /// Applies the log up to these end offsets, which it has reached already. After an
    /// error the writer is of no use; a new one continues where it stopped.
    pub(crate) async fn apply_up_to(&mut self, ends: &Positions) -> Result<()> {
        self.claim_missing(ends.partitions()).await?;
        let mut tasks = JoinSet::new();
        for (index, mut lane) in self.lanes.drain(..).enumerate() {
            let spans = spans(&lane.positions(), ends, &self.begins);
            let (kafka, schemas, meter) = (self.kafka.clone(), self.schemas.clone(), Arc::clone(&self.meter));
            tasks.spawn(async move {
                apply(&mut lane, &kafka, &schemas, spans, &meter).await?;
                Ok::<_, Error>((index, lane))
            });
        }
        let mut lanes = Vec::new();
        while let Some(lane) = tasks.join_next().await {
            lanes.push(lane??);
        }
        // Each partition belongs to the lane of the same number as before.
        lanes.sort_unstable_by_key(|(index, _)| *index);
        self.lanes = lanes.into_iter().map(|(_, lane)| lane).collect();
        Ok(())
    }

    /// Applies up to the end offsets, round after round, until a round was short.
    pub(crate) async fn approach_end(&mut self) -> Result<()> {
        for _ in 0..MOST_ROUNDS {
            let begun = Instant::now();
            let ends = log_state::end_offsets(&self.kafka).await?;
            self.apply_up_to(&ends).await?;
            if begun.elapsed() < SHORT_ROUND {
                break;
            }
        }
        Ok(())
    }

    /// Claims the partitions that no lane holds yet.
    async fn claim_missing(&mut self, partitions: impl Iterator<Item = Partition>) -> Result<()> {
        let mut by_lane: Vec<Vec<Partition>> = vec![Vec::new(); self.lanes.len()];
        for partition in partitions {
            by_lane[lane_of(partition, LANES)].push(partition);
        }
        for (lane, mut partitions) in self.lanes.iter_mut().zip(by_lane) {
            let held = lane.held();
            partitions.retain(|partition| !held.contains(partition));
            if !partitions.is_empty() {
                lane.claim(&partitions).await?;
            }
        }
        Ok(())
    }
}

/// What is left to read. Partitions that have reached their end are left out.
fn spans(positions: &Positions, ends: &Positions, begins: &Positions) -> BTreeMap<Partition, Span> {
    positions
        .iter()
        .filter_map(|(partition, position)| {
            let to = ends.get(partition)?;
            // Where the log begins at the end, the span is empty, and reading it moves the position.
            (position < to).then_some((partition, Span { from: position.max(begins.of(partition)), to }))
        })
        .collect()
}

async fn apply(
    lane: &mut Lane,
    kafka: &KafkaSettings,
    schemas: &SchemaLookup,
    spans: BTreeMap<Partition, Span>,
    meter: &Meter,
) -> Result<()> {
    if spans.is_empty() {
        return Ok(());
    }
    for (partition, span) in &spans {
        meter.expect_partition(*partition, span.from, span.to);
    }
    let mut replay = Replay::start(kafka, spans, CHUNK)?;
    while let Some(chunk) = replay.next().await {
        let chunk = chunk?;
        let records: Vec<Record<'_>> = chunk.records().map(|(_, record)| record).collect();
        let ends: Vec<_> = chunk.ends().map(|(partition, end, _)| (partition, end)).collect();
        schemas.refresh();
        while let Err(error) = lane.apply(&records, &ends).await {
            let views::Error::MissingSchemas { ids } = error else { return Err(error.into()) };
            schemas.learn(&ids).await?;
        }
        for (partition, position) in lane.positions() {
            meter.reached(partition, position);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use orders::Position;

    use super::*;

    #[test]
    fn only_partitions_that_are_behind_are_read() {
        let at = |pairs: &[(i32, i64)]| -> Positions {
            pairs.iter().map(|(partition, offset)| (Partition(*partition), Position(*offset))).collect()
        };
        let (positions, ends) = (at(&[(0, 5), (1, 5), (2, 5)]), at(&[(0, 9), (1, 5), (2, 3), (3, 4)]));
        let to_9 = |from| BTreeMap::from([(Partition(0), Span { from: Position(from), to: Position(9) })]);
        assert_eq!(spans(&positions, &ends, &Positions::new()), to_9(5));
        for (begin, from) in [(0, 5), (7, 7), (9, 9)] {
            assert_eq!(spans(&positions, &ends, &at(&[(0, begin)])), to_9(from));
        }
    }
}
