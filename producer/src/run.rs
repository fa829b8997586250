//! One run: makes up orders and writes them, event by event.

use std::time::{Duration, Instant};

use event_log::{LogWriter, Totals};
use service::{Failure, Shell};

use crate::clock::Clock;
use crate::metrics;
use crate::output::Output;
use crate::settings::Settings;
use crate::simulation::Simulation;
use crate::values::Values;

/// How long the last acknowledgements may take. The client gives up by itself before that.
const LAST_ANSWERS_LIMIT: Duration = Duration::from_secs(130);

/// What a run has written.
pub struct Run {
    pub totals: Totals,
    pub orders: u64,
    pub took: Duration,
    /// False if the process was asked to stop before all orders were written.
    pub is_complete: bool,
}

/// Writes until the orders are done or the process is asked to stop, then waits for the last acknowledgements.
pub fn run(
    settings: &Settings,
    first: u64,
    writer: LogWriter,
    values: Values,
    shell: &Shell,
) -> Result<Run, Failure> {
    let clock = settings.simulate_from.map_or(Clock::Wall, Clock::Simulated);
    let mut simulation = Simulation::new(settings.orders.clone(), clock, first);
    tracing::info!(
        topic = settings.kafka.topic,
        format = ?settings.format,
        seed = settings.orders.seed,
        first_number = first,
        events_per_second = settings.rate,
        "writing orders"
    );
    let started = Instant::now();
    let mut output = Output::new(settings, writer, values, shell, started);
    let mut is_complete = false;
    while !shell.stop.is_cancelled() {
        let Some(event) = simulation.next()? else {
            is_complete = true;
            break;
        };
        if !output.write(&event, simulation.ended(first))? {
            break;
        }
    }
    let limit = if shell.stop.is_cancelled() { shell.shutdown_timeout } else { LAST_ANSWERS_LIMIT };
    let totals = output.finish(limit)?;
    metrics::publish(&totals);
    Ok(Run { totals, orders: simulation.placed(first), took: started.elapsed(), is_complete })
}
