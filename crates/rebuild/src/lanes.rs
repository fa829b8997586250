//! The log into a build that is being made, over a few sessions at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::{ChunkLimits, KafkaSettings, Replay, Span, lane_of};
use orders::{Partition, Position, Record};
use tokio::task::JoinSet;
use views::lane::{Lane, LaneOptions};
use views::{Build, SynchronousCommit};

use crate::error::{Error, Result};
use crate::progress::Meter;
use crate::settings::Settings;

/// One session keeps one core of the database busy; more would crowd the live writers out.
const LANES: usize = 2;

/// Smaller than a live lane's: where no orders are folded, longer stretches gain nothing.
const CHUNK: ChunkLimits = ChunkLimits { records: 10_000, bytes: 4 << 20 };

/// Sessions that hold the partitions of one build. Dropping it ends them.
pub(crate) struct Lanes {
    kafka: KafkaSettings,
    lanes: Vec<Lane>,
    meter: Arc<Meter>,
}

impl Lanes {
    /// Takes the build's partitions over, from whoever had them. With `history_only`
    /// the orders are left out.
    pub(crate) fn new(
        settings: &Settings,
        owner: &str,
        build: Build,
        history_only: bool,
        meter: &Arc<Meter>,
    ) -> Self {
        let options = LaneOptions {
            group: None,
            has_breaker: false,
            database: settings.database.clone(),
            codec: settings.codec.clone(),
            owner: owner.to_owned(),
            // A crash of the database loses the last moments: they are read again. State
            // changes are on disk when they return, and all before them.
            synchronous_commit: SynchronousCommit::Off,
        };
        let lanes = (0..LANES).map(|_| Lane::on_build(options.clone(), build, history_only)).collect();
        Self { kafka: settings.kafka.clone(), lanes, meter: Arc::clone(meter) }
    }

    /// Takes over those partitions that are not held yet.
    pub(crate) async fn claim(&mut self, partitions: impl IntoIterator<Item = Partition>) -> Result<()> {
        let mut of_lane: Vec<Vec<Partition>> = vec![Vec::new(); self.lanes.len()];
        for partition in partitions {
            of_lane[lane_of(partition, LANES)].push(partition);
        }
        for (lane, mut partitions) in self.lanes.iter_mut().zip(of_lane) {
            let held = lane.held();
            partitions.retain(|partition| !held.contains(partition));
            if !partitions.is_empty() {
                lane.claim(&partitions).await?;
            }
        }
        Ok(())
    }

    /// Applies the log up to these positions, which it has reached already. On an error
    /// the lanes are lost: begin with new ones, which go on where these were.
    pub(crate) async fn apply_to(&mut self, targets: &BTreeMap<Partition, Position>) -> Result<()> {
        self.claim(targets.keys().copied()).await?;
        let mut tasks = JoinSet::new();
        for (index, lane) in self.lanes.drain(..).enumerate() {
            let spans = spans(&lane.positions().into_iter().collect(), targets);
            let (kafka, meter) = (self.kafka.clone(), Arc::clone(&self.meter));
            tasks.spawn(async move {
                let mut lane = lane;
                drive(&mut lane, &kafka, spans, &meter).await?;
                Ok::<_, Error>((index, lane))
            });
        }
        let mut lanes = Vec::new();
        while let Some(lane) = tasks.join_next().await {
            lanes.push(lane??);
        }
        lanes.sort_unstable_by_key(|(index, _)| *index);
        self.lanes = lanes.into_iter().map(|(_, lane)| lane).collect();
        Ok(())
    }
}

/// What is left to read: nothing for those that are there.
pub(crate) fn spans(
    positions: &BTreeMap<Partition, Position>,
    targets: &BTreeMap<Partition, Position>,
) -> BTreeMap<Partition, Span> {
    positions
        .iter()
        .filter_map(|(partition, from)| {
            let to = *targets.get(partition)?;
            (*from < to).then_some((*partition, Span { from: *from, to }))
        })
        .collect()
}

async fn drive(
    lane: &mut Lane,
    kafka: &KafkaSettings,
    spans: BTreeMap<Partition, Span>,
    meter: &Meter,
) -> Result<()> {
    if spans.is_empty() {
        return Ok(());
    }
    for (partition, span) in &spans {
        meter.reading(*partition, span.from, span.to);
    }
    let mut replay = Replay::start(kafka, spans, CHUNK)?;
    while let Some(chunk) = replay.next().await {
        let chunk = chunk?;
        let records: Vec<Record<'_>> = chunk.records().map(|(_, record)| record).collect();
        let ends: Vec<_> = chunk.ends().map(|(partition, end, _)| (partition, end)).collect();
        lane.apply(&records, &ends).await?;
        for (partition, position) in lane.positions() {
            meter.reached(partition, position);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_behind_is_read() {
        let at = |pairs: &[(i32, i64)]| -> BTreeMap<Partition, Position> {
            pairs.iter().map(|(partition, offset)| (Partition(*partition), Position(*offset))).collect()
        };
        let spans = spans(&at(&[(0, 5), (1, 5), (2, 5)]), &at(&[(0, 9), (1, 5), (2, 3), (3, 4)]));
        assert_eq!(spans, BTreeMap::from([(Partition(0), Span { from: Position(5), to: Position(9) })]));
    }
}
