//! A live writer like the consumer: applies the log to the active build.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use event_log::{ChunkLimits, Replay, Span};
use orders::{Partition, Position, Record};
use views::Error;
use views::SynchronousCommit;
use views::lane::{Lane, LaneOptions};

use super::World;

pub struct Live {
    stop: Arc<AtomicBool>,
    /// The number of refused commits; after each the writer claims its partitions again.
    pub refused: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    fn lane(&self) -> Lane {
        Lane::new(LaneOptions {
            group: None,
            has_breaker: false,
            database: self.settings.database.clone(),
            codec: self.settings.codec.clone(),
            owner: "test consumer".into(),
            synchronous_commit: SynchronousCommit::Off,
        })
    }

    /// Applies everything that the log holds now.
    pub async fn apply_live(&self) {
        let mut lane = self.lane();
        let ends = self.ends().await;
        lane.claim(&ends.keys().copied().collect::<Vec<_>>()).await.unwrap();
        self.round(&mut lane, &ends).await.unwrap();
    }

    async fn round(&self, lane: &mut Lane, ends: &BTreeMap<Partition, Position>) -> Result<(), Error> {
        let spans: BTreeMap<_, _> = lane
            .positions()
            .into_iter()
            .map(|(partition, from)| (partition, Span { from, to: ends[&partition] }))
            .collect();
        if spans.values().all(|span| span.from >= span.to) {
            return Ok(());
        }
        let limits = ChunkLimits { records: 2000, ..ChunkLimits::default() };
        let mut replay = Replay::start(&self.settings.kafka, spans, limits).unwrap();
        while let Some(chunk) = replay.next().await {
            let chunk = chunk.unwrap();
            let records: Vec<Record<'_>> = chunk.records().map(|(_, record)| record).collect();
            let ends: Vec<_> = chunk.ends().map(|(partition, end, _)| (partition, end)).collect();
            while let Err(error) = lane.apply(&records, &ends).await {
                let Error::MissingSchemas { ids } = error else { return Err(error) };
                self.settings.schemas.learn(&ids).await.unwrap();
            }
        }
        Ok(())
    }

    /// Applies what arrives until it is stopped, and claims its partitions again after a refused commit.
    pub fn live(self: &Arc<Self>) -> Live {
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (world, stopped, counter) = (Arc::clone(self), Arc::clone(&stop), Arc::clone(&refused));
        let task = tokio::spawn(async move {
            let mut lane = world.lane();
            loop {
                let last = stopped.load(Ordering::SeqCst);
                let ends = world.ends().await;
                if lane.held().is_empty() {
                    match lane.claim(&ends.keys().copied().collect::<Vec<_>>()).await {
                        Ok(_) => {}
                        Err(Error::Fenced { .. }) => continue,
                        Err(error) => panic!("claiming: {error}"),
                    }
                }
                match world.round(&mut lane, &ends).await {
                    Ok(()) if last => return,
                    Ok(()) => {}
                    Err(Error::Fenced { .. }) => {
                        counter.fetch_add(1, Ordering::SeqCst);
                        lane = world.lane();
                    }
                    Err(error) => panic!("applying: {error}"),
                }
            }
        });
        Live { stop, refused, task }
    }
}

impl Live {
    /// Applies the rest of the log, then ends.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
    }
}
