//! The steps: each measures one way to get through the same backlog.

mod copy;
mod drain;
mod latency;
mod program;
mod reads;
mod rebuild;

use service::{Exit, Failure};

use crate::args::Step;
use crate::backlog::Backlog;
use crate::context::Context;
use crate::cpu;
use crate::history_dump::HistoryDump;
use crate::measurement::Measurement;
use crate::server::{Fresh, Server};

pub use drain::drain;
pub use program::read;

use latency::{Subject, latency};

/// What a step works with.
pub struct Bench<'a> {
    pub context: &'a Context<'a>,
    pub server: Server,
    pub backlog: Backlog,
    /// Both are there once a drain has been done.
    pub dump: Option<HistoryDump>,
    pub drain_rate: Option<f64>,
}

impl Bench<'_> {
    /// Measures one step once, in a database of its own. A step may measure several things.
    pub async fn measure(&mut self, step: Step, repetition: u32) -> Result<Vec<Measurement>, Failure> {
        if step == Step::Read {
            return Ok(vec![read(self, repetition).await?.0]);
        }
        let fresh = self.server.fresh().await?;
        let measured = self.measure_on(step, &fresh, repetition).await;
        self.server.drop(fresh).await?;
        measured
    }

    async fn measure_on(
        &self,
        step: Step,
        fresh: &Fresh,
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

/// The server's and the machine's counters before a step.
pub struct Before {
    wal_bytes: u64,
    postgres_cpu: Option<f64>,
    machine: Option<(f64, f64)>,
}

impl Before {
    pub async fn read(server: &Server) -> Result<Self, Failure> {
        let wal_bytes = server.wal_bytes().await?;
        Ok(Self { wal_bytes, postgres_cpu: server.cpu_seconds(), machine: cpu::of_machine() })
    }

    /// Fills in what has changed since.
    pub async fn compare(&self, server: &Server, measured: &mut Measurement) -> Result<(), Failure> {
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

/// Fills in what PostgreSQL counted, and checks that all is there that should be.
pub async fn check(bench: &Bench<'_>, fresh: &Fresh, measured: &mut Measurement) -> Result<(), Failure> {
    let counters = fresh.counters(measured.events).await?;
    let updated = counters.orders_updated;
    measured.hot_ratio = (updated > 0).then(|| counters.orders_updated_hot as f64 / updated as f64);
    measured.order_rows_written = Some((counters.orders_inserted + updated) as u64);
    let client = fresh.sql().await?;
    let counted = format!(
        "/* bench::check */ SELECT (SELECT count(*) FROM {0}.order_history), count(*), count(*) FILTER (WHERE status = 'delivered'),
                (SELECT count(*) FROM {0}.dead_letters) FROM {0}.orders",
        fresh.schema
    );
    let row = client.query_one(&counted, &[]).await?;
    let (history, orders, delivered, dead_letters): (i64, i64, i64, i64) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let all = bench.backlog.orders as i64;
    let is_whole = measured.events == bench.backlog.events;
    if history as u64 != measured.events
        || dead_letters != 0
        || (is_whole && (orders, delivered) != (all, all))
    {
        return Err(Failure::new(
            Exit::Difference,
            format!(
                "{}: {} events should have made {all} orders; there are {history} history rows, {orders} orders, \
                 {delivered} of them delivered, and {dead_letters} dead letters",
                measured.step, measured.events
            ),
        ));
    }
    Ok(())
}
