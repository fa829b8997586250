//! The loop: make up an event, wait until it is due, write it.

use std::time::{Duration, Instant};

use event_log::{LogWriter, Outgoing, Sent};
use service::{Failure, Shell};

use crate::catalog;
use crate::clock::Clock;
use crate::pace::Pace;
use crate::progress::Progress;
use crate::settings::{Key, Settings};
use crate::simulation::{Happening, Simulation};
use crate::summary::Run;

/// The longest time between two looks at the signal to stop.
const BREATH: Duration = Duration::from_millis(100);
/// The shortest wait, and the one for room in the queue: anything less would spin.
const TICK: Duration = Duration::from_millis(1);
/// How long the last answers may take; then the client has given them up itself.
const PATIENCE: Duration = Duration::from_secs(130);
/// Delivery reports are served, and the signal looked at, once in so many events.
const STRIDE: u64 = 256;

/// Writes until the orders are done or the process is asked to stop, and waits for the answers.
pub fn run(settings: &Settings, first: u64, writer: LogWriter, shell: &Shell) -> Result<Run, Failure> {
    let clock = settings.simulate_from.map_or(Clock::Wall, Clock::Simulated);
    let mut simulation = Simulation::new(settings.orders.clone(), clock, first);
    tracing::info!(
        topic = settings.kafka.topic,
        seed = settings.orders.seed,
        first_number = first,
        events_per_second = settings.rate,
        "writing orders"
    );
    let started = Instant::now();
    let mut output = Output {
        pace: settings.rate.map(|rate| Pace::new(rate, started)),
        progress: Progress::new(settings.orders.count),
        writer,
        shell,
        written: 0,
    };
    let mut value = Vec::with_capacity(1024);
    while !shell.stop.is_cancelled() {
        let Some(happening) = simulation.next()? else { break };
        value.clear();
        happening.step.event.write_json(&mut value)?;
        if !output.write(&happening, settings.key, &value)? {
            break;
        }
        if output.written.is_multiple_of(STRIDE) {
            output.breathe(Duration::ZERO)?;
        }
        output.progress.orders = simulation.ended(first);
    }
    let orders = simulation.placed(first);
    let Output { writer, progress, .. } = output;
    let within = if shell.stop.is_cancelled() { shell.shutdown_timeout } else { PATIENCE };
    let totals = writer.finish(within)?;
    progress.end();
    crate::progress::publish(&totals);
    Ok(Run { totals, orders, took: started.elapsed() })
}

struct Output<'a> {
    /// `None`: as fast as possible.
    pace: Option<Pace>,
    progress: Progress,
    writer: LogWriter,
    shell: &'a Shell,
    written: u64,
}

impl Output<'_> {
    /// `false`: asked to stop before it was written.
    fn write(&mut self, happening: &Happening, key: Key, value: &[u8]) -> Result<bool, Failure> {
        while let Some(wait) = self.pace.as_mut().and_then(|pace| pace.wait(Instant::now())) {
            if self.shell.stop.is_cancelled() {
                return Ok(false);
            }
            self.breathe(wait.clamp(TICK, BREATH))?;
        }
        let event = &happening.step.event;
        let customer = (key == Key::Customer).then(|| catalog::customer_id(happening.customer));
        let record = Outgoing {
            event: event.event(),
            key: Some(customer.as_deref().unwrap_or(event.order_id.as_str())),
            value,
            traceparent: Some(&happening.step.traceparent),
        };
        while self.writer.send(&record)? == Sent::Full {
            if self.shell.stop.is_cancelled() {
                return Ok(false);
            }
            self.breathe(TICK)?;
        }
        if let Some(pace) = &mut self.pace {
            pace.step();
        }
        self.written += 1;
        Ok(true)
    }

    fn breathe(&mut self, wait: Duration) -> Result<(), Failure> {
        self.writer.serve(wait)?;
        self.progress.report(|| self.writer.totals(), &self.shell.health);
        Ok(())
    }
}
