//! The progress of a run: a bar on a terminal or lines in the log, metrics and health.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use event_log::Totals;
use indicatif::{ProgressBar, ProgressStyle};
use service::Health;

use crate::metrics;

const REFRESH_INTERVAL: Duration = Duration::from_millis(250);
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// The loop reports at least every 100 ms, unless it ends a transaction, which may take longer.
const HEARTBEAT_LIMIT: Duration = Duration::from_secs(60);
/// If no pending event was acknowledged for this long, the broker counts as away.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

pub struct Progress {
    /// How many orders have ended so far.
    pub orders: u64,
    bar: ProgressBar,
    /// Lines of the log do not tear the bar.
    _room: Option<output::Bar>,
    refreshed: Instant,
    logged: Instant,
    /// How many events were acknowledged at the time `logged`.
    logged_events: u64,
    /// How many events were acknowledged, and when that number last rose or no event was pending.
    acknowledged: (u64, Instant),
}

impl Progress {
    /// `orders` is how many orders there will be; `None` means without end.
    pub fn new(orders: Option<u64>) -> Self {
        let bar = match orders {
            _ if !std::io::stderr().is_terminal() => ProgressBar::hidden(),
            Some(orders) => {
                ProgressBar::new(orders).with_style(style("{bar:30} {pos}/{len} orders · {msg} · {eta}"))
            }
            None => ProgressBar::no_length().with_style(style("{spinner} {pos} orders · {msg}")),
        };
        bar.set_message("no event is acknowledged yet");
        let room = (!bar.is_hidden()).then(|| {
            let bar = bar.clone();
            output::with_bar(move |write| bar.suspend(write))
        });
        let now = Instant::now();
        Self {
            orders: 0,
            bar,
            _room: room,
            refreshed: now,
            logged: now,
            logged_events: 0,
            acknowledged: (0, now),
        }
    }

    /// Must be called often; it reports at most four times a second.
    pub fn report(&mut self, totals: impl FnOnce() -> Totals, health: &Health) {
        if self.refreshed.elapsed() < REFRESH_INTERVAL {
            return;
        }
        self.refreshed = Instant::now();
        let totals = totals();
        metrics::publish(&totals);
        health.beat("writing", HEARTBEAT_LIMIT);
        health.set("kafka", self.check(&totals));
        if totals.acknowledged() > 0 {
            let rate = totals.acknowledged() as f64 / self.bar.elapsed().as_secs_f64().max(0.001);
            self.bar.set_message(format!("{} events · {rate:.0}/s", totals.acknowledged()));
        }
        self.bar.set_position(self.orders);
        if self.bar.is_hidden() && self.logged.elapsed() >= LOG_INTERVAL {
            let events = totals.acknowledged() - self.logged_events;
            let rate = events as f64 / self.logged.elapsed().as_secs_f64();
            tracing::info!(
                events,
                events_per_second = rate.round(),
                in_flight_events = totals.unacknowledged(),
                "writing"
            );
            self.logged = Instant::now();
            self.logged_events = totals.acknowledged();
        }
    }

    fn check(&mut self, totals: &Totals) -> Result<(), String> {
        if totals.unacknowledged() == 0 || totals.acknowledged() > self.acknowledged.0 {
            self.acknowledged = (totals.acknowledged(), self.refreshed);
        }
        let silence = self.acknowledged.1.elapsed();
        match &totals.last_error {
            Some(error) => Err(format!("{} events were given up: {error}", totals.failed)),
            None if silence > SILENCE_LIMIT => {
                Err(format!("no event was acknowledged for {} s", silence.as_secs()))
            }
            None => Ok(()),
        }
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, so this fails always or never, and the default style would do as well.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
