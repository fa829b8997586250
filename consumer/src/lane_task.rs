//! One lane at work: takes what was read, applies it, and does what the coordinator
//! says in between. An error that time may mend is tried again here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use event_log::{Assigned, Chunk, LaneQueue};
use orders::{Partition, Position, Record};
use service::Health;
use tokio::sync::{mpsc, oneshot};
use views::lane::Lane;
use views::{Error, Recovery};

/// Without records for this long, a lane looks whether its session is still there.
const IDLE: Duration = Duration::from_secs(2);

/// What the coordinator asks for.
pub enum Command {
    /// Answered once the partitions are claimed, however long the database takes.
    Claim { partitions: Vec<Partition>, reply: oneshot::Sender<Vec<Assigned>> },
    /// Answered at once: nothing is in flight between two commands.
    Release { partitions: Vec<Partition>, reply: oneshot::Sender<BTreeMap<Partition, Position>> },
    /// Finish what is in flight, then end.
    Stop,
}

/// What the coordinator is told.
pub enum Event {
    Committed(BTreeMap<Partition, Position>),
    /// A rebuild was switched in, or the database went back: read on from here.
    ReadFrom(Vec<Assigned>),
    /// Another member has a partition that this lane held: all was given up.
    Dispossessed(String),
}

pub struct LaneTask {
    pub lane: Lane,
    pub queue: Arc<LaneQueue>,
    pub commands: mpsc::UnboundedReceiver<Command>,
    pub events: mpsc::UnboundedSender<Event>,
    pub generation: Arc<AtomicU32>,
    pub health: Health,
    /// Under which generation each held partition is read.
    pub generations: BTreeMap<Partition, u32>,
    /// Commands that came while another one was being carried out.
    pub deferred: VecDeque<Command>,
}

/// Whether the task goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl LaneTask {
    pub async fn run(mut self) -> Result<(), Error> {
        loop {
            let next = if let Some(command) = self.deferred.pop_front() {
                self.obey(command).await?
            } else {
                tokio::select! {
                    biased;
                    command = self.commands.recv() => match command {
                        Some(command) => self.obey(command).await?,
                        None => Next::End,
                    },
                    chunk = self.queue.take() => self.apply(chunk).await?,
                    () = tokio::time::sleep(IDLE) => self.look_after_session().await?,
                }
            };
            if next == Next::End {
                return Ok(());
            }
        }
    }

    async fn obey(&mut self, command: Command) -> Result<Next, Error> {
        match command {
            Command::Claim { partitions, reply } => {
                let assigned = self.claim(partitions).await?;
                // Nobody waits any more: the partitions were revoked, or will be.
                let _ = reply.send(assigned);
                Ok(Next::GoOn)
            }
            Command::Release { partitions, reply } => {
                let _ = reply.send(self.release(&partitions));
                Ok(Next::GoOn)
            }
            Command::Stop => Ok(Next::End),
        }
    }

    fn release(&mut self, partitions: &[Partition]) -> BTreeMap<Partition, Position> {
        self.generations.retain(|partition, _| !partitions.contains(partition));
        self.lane.release(partitions).into_iter().collect()
    }

    /// Claims until the database has answered, or until nothing is wanted any more.
    async fn claim(&mut self, mut wanted: Vec<Partition>) -> Result<Vec<Assigned>, Error> {
        for tries in 1.. {
            if wanted.is_empty() {
                break;
            }
            let error = match self.lane.claim(&wanted).await {
                Ok(claimed) => {
                    self.healthy();
                    return Ok(self.begin_to_read(claimed.into_iter().map(|(p, held)| (p, held.position))));
                }
                Err(error) => error,
            };
            match error.recovery() {
                // About what is held already, not about what is wanted.
                Recovery::Reclaim if !self.lane.held().is_empty() => {
                    Box::pin(self.give_way(&error)).await?;
                    continue;
                }
                Recovery::Retry | Recovery::Reclaim => self.unhealthy(&error, tries),
                Recovery::Record | Recovery::Stop => return Err(error),
            }
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Release { partitions, reply }) => {
                        wanted.retain(|partition| !partitions.contains(partition));
                        let _ = reply.send(self.release(&partitions));
                    }
                    Some(Command::Stop) | None => {
                        self.deferred.push_front(Command::Stop);
                        break;
                    }
                    Some(claim) => self.deferred.push_back(claim),
                },
                () = tokio::time::sleep(views::tx::pause(tries)) => {}
            }
        }
        Ok(Vec::new())
    }

    /// Gives each partition a new generation, so that records read before do not count.
    fn begin_to_read(&mut self, positions: impl Iterator<Item = (Partition, Position)>) -> Vec<Assigned> {
        positions
            .map(|(partition, position)| {
                let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
                self.generations.insert(partition, generation);
                Assigned { partition, position, generation }
            })
            .collect()
    }

    /// A database that comes back older must be noticed also when there is nothing to write.
    async fn look_after_session(&mut self) -> Result<Next, Error> {
        match self.lane.reconnect().await {
            Ok(()) => self.healthy(),
            Err(error) => match error.recovery() {
                Recovery::Retry => self.unhealthy(&error, 1),
                Recovery::Reclaim => self.give_way(&error).await?,
                Recovery::Record | Recovery::Stop => return Err(error),
            },
        }
        Ok(Next::GoOn)
    }

    async fn apply(&mut self, chunk: Chunk) -> Result<Next, Error> {
        let began = Instant::now();
        for tries in 1.. {
            // Anew each time: partitions may have been released while we waited.
            let is_held = |partition, generation| self.generations.get(&partition) == Some(&generation);
            let records: Vec<Record<'_>> = chunk
                .records()
                .filter(|(generation, record)| is_held(record.partition, *generation))
                .map(|(_, record)| record)
                .collect();
            let ends: Vec<_> = chunk
                .ends()
                .filter(|(partition, _, generation)| is_held(*partition, *generation))
                .map(|(partition, end, _)| (partition, end))
                .collect();
            let error = match self.lane.apply(&records, &ends).await {
                Ok(applied) => {
                    if tries > 1 {
                        self.healthy();
                    }
                    count(applied, began);
                    let _ = self.events.send(Event::Committed(self.lane.positions().into_iter().collect()));
                    break;
                }
                Err(error) => error,
            };
            match error.recovery() {
                Recovery::Retry => self.unhealthy(&error, tries),
                Recovery::Reclaim => {
                    self.give_way(&error).await?;
                    break;
                }
                Recovery::Record | Recovery::Stop => return Err(error),
            }
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Stop) | None => return Ok(Next::End),
                    Some(command) => if self.obey(command).await? == Next::End { return Ok(Next::End) },
                },
                () = tokio::time::sleep(views::tx::pause(tries)) => {}
            }
        }
        self.queue.recycle(chunk);
        Ok(Next::GoOn)
    }

    /// A commit was refused. After a switch of builds the same partitions are claimed
    /// in the new one, and where the database is older than it was, in the same one, to read
    /// on from where it stands; if another member has them, everything is given up.
    async fn give_way(&mut self, error: &Error) -> Result<(), Error> {
        for tries in 1.. {
            let held = self.lane.held();
            let went_back = matches!(error, Error::WentBack { .. });
            match self.lane.is_superseded().await {
                Ok(superseded) if superseded || went_back => {
                    if superseded {
                        tracing::info!("the active build was switched; going on in the new one");
                    }
                    return self.begin_again().await;
                }
                Ok(_) => {
                    self.release(&held);
                    let _ = self.events.send(Event::Dispossessed(error.to_string()));
                    return Ok(());
                }
                Err(error) if error.recovery() == Recovery::Retry => {
                    self.unhealthy(&error, tries);
                    tokio::time::sleep(views::tx::pause(tries)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Claims what is held anew, and has it read from where the database stands.
    async fn begin_again(&mut self) -> Result<(), Error> {
        let held = self.lane.held();
        self.lane.release(&held);
        let assigned = self.claim(held).await?;
        let _ = self.events.send(Event::ReadFrom(assigned));
        Ok(())
    }

    fn healthy(&self) {
        self.health.set("database", Ok::<(), String>(()));
    }

    fn unhealthy(&self, error: &Error, tries: u32) {
        self.health.set("database", Err(error.to_string()));
        metrics::counter!("food_orders_retries_total").increment(1);
        tracing::debug!(%error, tries, "tried again after a pause");
    }
}

fn count(applied: views::lane::Applied, began: Instant) {
    metrics::counter!("food_orders_records_applied_total").increment(applied.records as u64);
    metrics::counter!("food_orders_letters_total").increment(applied.dead_letters as u64);
    metrics::counter!("food_orders_batches_total").increment(applied.transactions as u64);
    metrics::histogram!("food_orders_batch_seconds").record(began.elapsed().as_secs_f64());
    if applied.dead_letters > 0 {
        tracing::warn!(dead_letters = applied.dead_letters, "dead letters; see table dead_letters");
    }
}
