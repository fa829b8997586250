//! The lanes as the coordinator sees them: commands go in; events and failures come out.

use std::sync::Arc;
use std::time::Duration;

use event_log::{Generation, LaneQueue};
use orders::{Partition, Positions};
use retry::Backoff;
use service::{Exit, Failure, Shell};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use views::lane::{Lane, LaneOptions};

use crate::error::Error;
use crate::lane_partitions::LanePartitions;
use crate::lane_task::{Command, Event, LaneTask};
use crate::pulse::Pulse;
use crate::settings::Settings;

/// Names this process in the position rows: the group, the consumer's name if it has one, and an id.
fn owner(settings: &Settings) -> String {
    let name = settings.name.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    format!("{}/{name}{}", settings.group, uuid::Uuid::new_v4())
}

pub struct Lanes {
    commands: Vec<mpsc::UnboundedSender<Command>>,
    events: mpsc::UnboundedReceiver<Event>,
    tasks: JoinSet<views::Result<()>>,
}

impl Lanes {
    /// Starts one task for each queue.
    pub fn start(settings: &Settings, shell: &Shell, queues: Vec<Arc<LaneQueue>>) -> Self {
        let options = LaneOptions {
            database: settings.database.clone(),
            codec: settings.codec.clone(),
            group: Some(settings.group.to_string()),
            owner: owner(settings),
            synchronous_commit: settings.synchronous_commit,
            has_breaker: settings.has_breaker,
        };
        let (report, events) = mpsc::unbounded_channel();
        let mut lanes = Self { commands: Vec::new(), events, tasks: JoinSet::new() };
        for (number, queue) in queues.iter().enumerate() {
            let (sender, commands) = mpsc::unbounded_channel();
            let task = LaneTask {
                lane: Lane::new(options.clone()),
                queue: queue.clone(),
                commands,
                events: report.clone(),
                health: shell.health.clone(),
                pulse: Pulse::lane(&shell.health, number),
                partitions: LanePartitions::default(),
                backoff: Backoff::default(),
                schemas: settings.schemas.clone(),
                waits_for_schemas: false,
            };
            lanes.tasks.spawn(task.run());
            lanes.commands.push(sender);
        }
        lanes
    }

    /// The next event, or the failure of a lane that has ended. Cancel safe.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        tokio::select! {
            Some(event) = self.events.recv() => Ok(event),
            Some(ended) = self.tasks.join_next() => Err(failure(ended)),
            else => Err(Failure::new(Exit::Unexpected, "all lanes have ended")),
        }
    }

    pub fn claim(&self, lane: usize, partitions: Vec<(Partition, Generation)>) {
        // Sending fails only if the lane has ended, and that ends the process.
        let _ = self.commands[lane].send(Command::Claim(partitions));
    }

    /// The answer arrives once no transaction is in flight.
    pub fn release(&self, lane: usize, partitions: Vec<Partition>) -> oneshot::Receiver<Positions> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands[lane].send(Command::Release { partitions, reply });
        answer
    }

    /// Lets each lane finish what is in flight, for at most `limit`. Returns the events that have not
    /// been read yet.
    pub async fn stop(&mut self, limit: Duration) -> Vec<Event> {
        for lane in &self.commands {
            let _ = lane.send(Command::Stop);
        }
        let ended = timeout(limit, async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Ok(Err(error)) = ended {
                    tracing::warn!(%error, "a lane failed while the process was stopping");
                }
            }
        });
        if ended.await.is_err() {
            tracing::warn!("a lane did not finish in time; the database rolls its transaction back");
        }
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

fn failure(ended: Result<views::Result<()>, JoinError>) -> Failure {
    match ended {
        Ok(Ok(())) => Failure::new(Exit::Unexpected, "a lane ended early"),
        Ok(Err(error)) => Error::from(error).into_failure(),
        Err(cause) => Error::Task { attempt: "running a lane", cause }.into_failure(),
    }
}
