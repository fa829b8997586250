//! The task of one lane: it claims and releases partitions as the coordinator commands, and applies
//! the records that were read for them. Errors that may pass with time are retried here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{Chunk, Generation, LaneQueue};
use orders::{Partition, Positions, Record, SchemaId};
use retry::Backoff;
use schema_registry::SchemaLookup;
use service::Health;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use views::lane::{Applied, Lane};
use views::{Error, Recovery};

use crate::assignment::LanePosition;
use crate::lane_partitions::LanePartitions;
use crate::pulse::Pulse;

/// How often an idle lane checks that its session still exists, and that its build is still active.
const SESSION_CHECK_INTERVAL: Duration = Duration::from_secs(2);

pub enum Command {
    /// Answered by [`Event::Claimed`] once the database has answered, however long that takes.
    Claim(Vec<(Partition, Generation)>),
    /// Answered with the positions of the partitions that were held, once no transaction is in flight.
    Release { partitions: Vec<Partition>, reply: oneshot::Sender<Positions> },
    /// Finish the transaction in flight, then end.
    Stop,
}

pub enum Event {
    Claimed(Vec<LanePosition>),
    /// Where all held partitions stand after a transaction.
    Committed(Vec<LanePosition>),
    /// These partitions were released because a rebuild was switched in, or the database went back.
    Switched(Vec<(Partition, Generation)>),
    /// All held partitions were released because another member owns one of them.
    Fenced {
        released: Vec<(Partition, Generation)>,
        reason: String,
    },
}

pub struct LaneTask {
    pub lane: Lane,
    pub queue: Arc<LaneQueue>,
    pub commands: mpsc::UnboundedReceiver<Command>,
    pub events: mpsc::UnboundedSender<Event>,
    pub health: Health,
    pub pulse: Pulse,
    pub partitions: LanePartitions,
    pub backoff: Backoff,
    /// Adds to the schemas of the lane's codec.
    pub schemas: SchemaLookup,
    /// Whether the registry has not answered yet about a schema that this lane needs.
    pub waits_for_schemas: bool,
}

/// Whether the task goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl LaneTask {
    /// Works until it is told to stop, or fails with an error that a person must deal with.
    pub async fn run(mut self) -> Result<(), Error> {
        let result = self.work().await;
        self.pulse.rest();
        result
    }

    async fn work(&mut self) -> Result<(), Error> {
        loop {
            self.pulse.beat();
            let wants_any = self.partitions.wants_any();
            let next = tokio::select! {
                biased;
                command = self.commands.recv() => self.carry_out(command),
                () = std::future::ready(()), if wants_any => self.claim().await?,
                chunk = self.queue.take() => self.apply(chunk).await?,
                () = tokio::time::sleep(SESSION_CHECK_INTERVAL) => self.check_session().await?,
            };
            if next == Next::End {
                return Ok(());
            }
        }
    }

    /// `None` means that the coordinator is gone, which counts as a command to stop.
    fn carry_out(&mut self, command: Option<Command>) -> Next {
        match command {
            Some(Command::Claim(partitions)) => self.partitions.want(partitions),
            Some(Command::Release { partitions, reply }) => {
                self.partitions.release(&partitions);
                let _ = reply.send(self.lane.release(&partitions));
            }
            Some(Command::Stop) | None => return Next::End,
        }
        Next::GoOn
    }

    /// Makes one attempt to claim the wanted partitions.
    async fn claim(&mut self) -> Result<Next, Error> {
        let wanted = self.partitions.wanted();
        let error = match self.pulse.during(self.lane.claim(&wanted)).await {
            Ok(claimed) => {
                self.succeeded();
                let positions = claimed.into_iter().map(|(partition, held)| (partition, held.position));
                let claimed = self.partitions.claimed(positions);
                let _ = self.events.send(Event::Claimed(claimed));
                return Ok(Next::GoOn);
            }
            Err(error) => error,
        };
        match error.recovery() {
            // The error concerns partitions that are held already, not the wanted ones.
            Recovery::Reclaim | Recovery::BuildGone if self.partitions.holds_any() => {
                self.give_way(error).await
            }
            Recovery::Retry | Recovery::Reclaim | Recovery::BuildGone => Ok(self.pause_after(&error).await),
            Recovery::Record | Recovery::Stop => Err(error),
        }
    }

    /// A switch, or a database that comes back in an older state, must be noticed even when there is nothing to
    /// write.
    async fn check_session(&mut self) -> Result<Next, Error> {
        let Err(error) = self.pulse.during(self.lane.check()).await else {
            self.succeeded();
            return Ok(Next::GoOn);
        };
        match error.recovery() {
            Recovery::Retry => Ok(self.pause_after(&error).await),
            Recovery::Reclaim | Recovery::BuildGone => self.give_way(error).await,
            Recovery::Record | Recovery::Stop => Err(error),
        }
    }

    async fn apply(&mut self, chunk: Chunk) -> Result<Next, Error> {
        let began = Instant::now();
        self.schemas.refresh();
        loop {
            let error = match self.attempt_to_apply(&chunk).await {
                Ok(applied) => {
                    self.succeeded();
                    record_metrics(applied, began);
                    let _ = self.events.send(Event::Committed(self.partitions.at(self.lane.positions())));
                    break;
                }
                Err(error) => error,
            };
            let next = match (error.recovery(), &error) {
                (_, Error::MissingSchemas { ids }) => self.learn(ids).await?,
                (Recovery::Retry, error) => self.pause_after(error).await,
                (Recovery::Reclaim | Recovery::BuildGone, _) => {
                    let next = self.give_way(error).await?;
                    self.queue.recycle(chunk);
                    return Ok(next);
                }
                (Recovery::Record | Recovery::Stop, _) => return Err(error),
            };
            if next == Next::End {
                return Ok(next);
            }
        }
        self.queue.recycle(chunk);
        Ok(Next::GoOn)
    }

    /// Selects the records again for each attempt, because partitions may have been released since the last one.
    async fn attempt_to_apply(&mut self, chunk: &Chunk) -> Result<Applied, Error> {
        let records: Vec<Record<'_>> = chunk
            .records()
            .filter(|(generation, record)| self.partitions.holds(record.partition, *generation))
            .map(|(_, record)| record)
            .collect();
        let ends: Vec<_> = chunk
            .ends()
            .filter(|(partition, _, generation)| self.partitions.holds(*partition, *generation))
            .map(|(partition, end, _)| (partition, end))
            .collect();
        self.pulse.during(self.lane.apply(&records, &ends)).await
    }

    /// Makes one attempt to find the schemas that records of the chunk were written with; a command ends it early. While
    /// the registry does not answer, the lane waits: nothing is known about these records yet.
    async fn learn(&mut self, ids: &BTreeSet<SchemaId>) -> Result<Next, Error> {
        let learned = tokio::select! {
            biased;
            // A registry may take its time to answer. What is not kept by then is asked again.
            command = self.commands.recv() => return Ok(self.carry_out(command)),
            learned = self.pulse.during(self.schemas.learn(ids)) => learned,
        };
        let Err(error) = learned else {
            self.waits_no_longer();
            return Ok(Next::GoOn);
        };
        match error.into_views() {
            Ok(error) if error.recovery() == Recovery::Retry => Ok(self.pause_after(&error).await),
            Ok(error) => Err(error),
            Err(error) => {
                self.waits_for_schemas = true;
                let ids = SchemaId::list(ids);
                let reason = format!("waiting for the schemas of records (id {ids}): {error}");
                self.health.set("schema_registry", Err(reason));
                Ok(self.pause().await)
            }
        }
    }

    /// Releases everything after a commit or a claim was refused. After a switch of builds, or if the
    /// database went back, the same partitions can be claimed again; if another member owns one of
    /// them, they are lost. Fails if a table of the active build is missing.
    async fn give_way(&mut self, refusal: Error) -> Result<Next, Error> {
        loop {
            match self.pulse.during(self.lane.is_superseded()).await {
                Ok(false) if refusal.recovery() == Recovery::BuildGone => return Err(refusal),
                Ok(is_superseded) => {
                    if is_superseded {
                        tracing::info!("another build is active now; this lane continues in it");
                    }
                    let released = self.partitions.give_up();
                    let partitions: Vec<_> = released.iter().map(|(partition, _)| *partition).collect();
                    self.lane.release(&partitions);
                    let can_claim_again = is_superseded || matches!(refusal, Error::WentBack { .. });
                    let _ = self.events.send(match can_claim_again {
                        true => Event::Switched(released),
                        false => Event::Fenced { released, reason: refusal.to_string() },
                    });
                    return Ok(Next::GoOn);
                }
                Err(error) if error.recovery() == Recovery::Retry => {
                    if self.pause_after(&error).await == Next::End {
                        return Ok(Next::End);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The schemas are known, or the records that need them are another member's.
    fn waits_no_longer(&mut self) {
        if std::mem::take(&mut self.waits_for_schemas) {
            self.health.set("schema_registry", Ok::<(), String>(()));
        }
    }

    fn succeeded(&mut self) {
        self.waits_no_longer();
        if self.backoff.failures() > 0 {
            self.backoff.reset();
            self.health.set("database", Ok::<(), String>(()));
        }
    }

    /// Waits before the next attempt; a command ends the wait early.
    async fn pause_after(&mut self, error: &Error) -> Next {
        self.health.set("database", Err(error.to_string()));
        tracing::debug!(%error, failures = self.backoff.failures(), "trying again after a pause");
        self.pause().await
    }

    async fn pause(&mut self) -> Next {
        metrics::counter!("food_orders_retries_total").increment(1);
        let pause = self.backoff.next_pause();
        match self.pulse.during(timeout(pause, self.commands.recv())).await {
            Ok(command) => self.carry_out(command),
            Err(_elapsed) => Next::GoOn,
        }
    }
}

fn record_metrics(applied: Applied, began: Instant) {
    metrics::counter!("food_orders_records_applied_total").increment(applied.records as u64);
    metrics::counter!("food_orders_dead_letters_total").increment(applied.dead_letters as u64);
    metrics::counter!("food_orders_batches_total").increment(applied.transactions as u64);
    metrics::histogram!("food_orders_batch_seconds").record(began.elapsed().as_secs_f64());
    if applied.dead_letters > 0 {
        tracing::warn!(
            dead_letters = applied.dead_letters,
            "records became dead letters; see table dead_letters"
        );
    }
}
