//! Where the events go: to the topic, at the pace that was asked for.

use std::time::{Duration, Instant};

use event_log::{LogWriter, Outgoing, Sent, Totals};
use service::{Failure, Shell};

use crate::catalog;
use crate::pace::Pace;
use crate::progress::Progress;
use crate::settings::{Key, Settings};
use crate::simulation::SimulatedEvent;
use crate::values::Values;

/// The longest wait before the signal to stop is looked at again.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// The shortest wait, also for room in the queue. A shorter one would keep the processor busy.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// At full speed, delivery reports are served once per this many events.
const SERVE_EVERY_EVENTS: u64 = 256;

pub struct Output<'a> {
    writer: LogWriter,
    values: Values,
    key: Key,
    /// `None`: as fast as possible.
    pace: Option<Pace>,
    progress: Progress,
    shell: &'a Shell,
    written: u64,
    /// The value of the latest event; kept for its allocation.
    value: Vec<u8>,
}

impl<'a> Output<'a> {
    pub fn new(
        settings: &Settings,
        writer: LogWriter,
        values: Values,
        shell: &'a Shell,
        now: Instant,
    ) -> Self {
        Self {
            writer,
            values,
            key: settings.key,
            pace: settings.rate.map(|rate| Pace::new(rate, now)),
            progress: Progress::new(settings.orders.count),
            shell,
            written: 0,
            value: Vec::with_capacity(1024),
        }
    }

    /// Waits until the event is due, and writes it; false if the process was asked to stop before that.
    /// `ended_orders` is for the progress bar.
    pub fn write(&mut self, event: &SimulatedEvent, ended_orders: u64) -> Result<bool, Failure> {
        self.value.clear();
        self.values.write(&event.step.event, &mut self.value)?;
        if !self.wait_until_due()? || !self.send(event)? {
            return Ok(false);
        }
        if let Some(pace) = &mut self.pace {
            pace.step();
        }
        self.written += 1;
        self.progress.orders = ended_orders;
        if self.written.is_multiple_of(SERVE_EVERY_EVENTS) {
            self.serve(Duration::ZERO)?;
        }
        Ok(true)
    }

    fn wait_until_due(&mut self) -> Result<bool, Failure> {
        while let Some(wait) = self.pace.as_mut().and_then(|pace| pace.wait(Instant::now())) {
            if self.shell.stop.is_cancelled() {
                return Ok(false);
            }
            self.serve(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT))?;
        }
        Ok(true)
    }

    fn send(&mut self, event: &SimulatedEvent) -> Result<bool, Failure> {
        let customer = (self.key == Key::Customer).then(|| catalog::customer_id(event.customer));
        let order_id = event.step.event.order_id.as_str();
        let record = Outgoing {
            event: event.step.event.event(),
            key: Some(customer.as_deref().unwrap_or(order_id)),
            value: &self.value,
            content_type: self.values.content_type(),
            traceparent: Some(&event.step.traceparent),
        };
        while self.writer.send(&record)? == Sent::Full {
            if self.shell.stop.is_cancelled() {
                return Ok(false);
            }
            self.writer.serve(SHORTEST_WAIT)?;
            self.progress.report(|| self.writer.totals(), &self.shell.health);
        }
        Ok(true)
    }

    /// Serves delivery reports for as long as `wait`, and reports the progress.
    fn serve(&mut self, wait: Duration) -> Result<(), Failure> {
        self.writer.serve(wait)?;
        self.progress.report(|| self.writer.totals(), &self.shell.health);
        Ok(())
    }

    /// Waits for the last acknowledgements, for at most `limit`.
    pub fn finish(self, limit: Duration) -> Result<Totals, Failure> {
        let totals = self.writer.finish(limit)?;
        self.progress.end();
        Ok(totals)
    }
}
