//! The steps. Each measures one way to process the same backlog.

mod check;
mod copy;
mod drain;
mod latency;
mod program;
mod reads;
mod rebuild;

use service::Failure;

use crate::args::Step;
use crate::backlog::Backlog;
use crate::context::Context;
use crate::cpu;
use crate::history_dump::HistoryDump;
use crate::measurement::Measurement;
use crate::server::{FreshDatabase, Server};

pub use drain::drain;
pub use program::read;

use latency::{Subject, latency};

/// What the steps need.
pub struct Bench<'a> {
    pub context: &'a Context<'a>,
    pub server: Server,
    pub backlog: Backlog,
    /// This and the next one are `None` before the first drain, and this one if no step needs it.
    pub dump: Option<HistoryDump>,
    pub drain_rate: Option<f64>,
}

impl Bench<'_> {
    /// Measures one step once, in a database of its own. A step may return several measurements.
    pub async fn measure(&mut self, step: Step, repetition: u32) -> Result<Vec<Measurement>, Failure> {
        if step == Step::Read {
            return Ok(vec![read(self, repetition).await?.0]);
        }
        let fresh = self.server.fresh_database(self.context.options.parts).await?;
        let measured = self.measure_on(step, &fresh, repetition).await;
        self.server.drop(fresh).await?;
        measured
    }

    async fn measure_on(
        &self,
        step: Step,
        fresh: &FreshDatabase,
        repetition: u32,
    ) -> Result<Vec<Measurement>, Failure> {
        let one = match step {
            Step::Rebuild => return rebuild::rebuild(self, fresh, repetition).await,
            Step::Reads => return reads::reads(self, fresh, repetition).await,
            Step::Copy => copy::copy(self, fresh, 1, repetition).await,
            Step::CopyTwo => copy::copy(self, fresh, 2, repetition).await,
            Step::Drain => drain(self, fresh, repetition).await,
            Step::Latency => latency(self, fresh, Subject::Consumer, repetition).await,
            Step::LatencyHalfDrain => latency(self, fresh, Subject::HalfDrain, repetition).await,
            Step::LatencyRowsPerEvent => latency(self, fresh, Subject::RowsPerEvent, repetition).await,
            Step::Read | Step::CopyUpsert | Step::RowsPerThousand | Step::RowsPerEvent => {
                program::baseline(self, fresh, step, repetition).await
            }
        };
        Ok(vec![one?])
    }
}

/// The counters of the server and of the machine at the start of a step.
pub struct StartCounters {
    wal_bytes: u64,
    postgres_cpu: Option<f64>,
    machine: Option<(f64, f64)>,
}

impl StartCounters {
    pub async fn read(server: &Server) -> Result<Self, Failure> {
        let wal_bytes = server.wal_bytes().await?;
        Ok(Self { wal_bytes, postgres_cpu: server.cpu_seconds(), machine: cpu::of_machine() })
    }

    /// Adds to the measurement by how much the counters have changed since.
    pub async fn add_changes(&self, server: &Server, measured: &mut Measurement) -> Result<(), Failure> {
        measured.postgres_cpu_seconds =
            server.cpu_seconds().zip(self.postgres_cpu).map(|(after, before)| after - before);
        if let (Some((busy, all)), Some((busy_before, all_before))) = (cpu::of_machine(), self.machine) {
            measured.machine_busy_seconds = Some(busy - busy_before);
            measured.machine_seconds = Some(all - all_before);
        }
        measured.wal_bytes = Some(server.wal_bytes().await? - self.wal_bytes);
        Ok(())
    }
}
