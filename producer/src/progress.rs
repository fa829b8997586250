//! How it goes: a bar on a terminal, a line in the log elsewhere, metrics and health.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use event_log::Totals;
use indicatif::{ProgressBar, ProgressStyle};
use orders::EventType;
use service::Health;

const REFRESH: Duration = Duration::from_millis(250);
const LOG_LINE: Duration = Duration::from_secs(10);
/// The loop comes round every 100 ms, but ending a transaction may take its time.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Without an answer for so long, the broker counts as away.
const SILENCE: Duration = Duration::from_secs(5);

pub struct Progress {
    /// Ended so far.
    pub orders: u64,
    bar: ProgressBar,
    refreshed: Instant,
    logged: Instant,
    /// How many, then.
    logged_events: u64,
    /// How many, and when that was last seen to rise or to be all.
    acknowledged: (u64, Instant),
}

impl Progress {
    /// `orders`: how many there will be, if there is an end.
    pub fn new(orders: Option<u64>) -> Self {
        let bar = match orders {
            _ if !std::io::stderr().is_terminal() => ProgressBar::hidden(),
            Some(orders) => {
                ProgressBar::new(orders).with_style(style("{bar:30} {pos}/{len} orders · {msg} · {eta}"))
            }
            None => ProgressBar::no_length().with_style(style("{spinner} {pos} orders · {msg}")),
        };
        let now = Instant::now();
        Self { orders: 0, bar, refreshed: now, logged: now, logged_events: 0, acknowledged: (0, now) }
    }

    /// To be called often: it does something four times a second.
    pub fn report(&mut self, totals: impl FnOnce() -> Totals, health: &Health) {
        if self.refreshed.elapsed() < REFRESH {
            return;
        }
        self.refreshed = Instant::now();
        let totals = totals();
        publish(&totals);
        health.beat("writing", HEARTBEAT);
        health.set("kafka", self.check(&totals));
        self.bar.set_position(self.orders);
        let elapsed = self.bar.elapsed().as_secs_f64();
        let rate = totals.acknowledged() as f64 / elapsed.max(0.001);
        self.bar.set_message(format!("{} events · {rate:.0}/s", totals.acknowledged()));
        if self.bar.is_hidden() && self.logged.elapsed() >= LOG_LINE {
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
            None if silence > SILENCE => {
                Err(format!("no event was acknowledged for {} s", silence.as_secs()))
            }
            None => Ok(()),
        }
    }

    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// Sets the metrics.
pub fn publish(totals: &Totals) {
    for event in EventType::ALL {
        metrics::counter!("food_orders_produced_events_total", "event" => event.as_str())
            .absolute(totals.acknowledged[event.index()]);
    }
    metrics::counter!("food_orders_produce_failures_total").absolute(totals.failed);
    metrics::gauge!("food_orders_produce_in_flight_events").set(totals.unacknowledged() as f64);
}

fn style(template: &str) -> ProgressStyle {
    // A template is wrong or right at compile time, in effect; the default does as well.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
