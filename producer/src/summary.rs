//! The result of a run: one line in the log, and whether everything is in the topic.

use orders::EventType;
use service::{Exit, Failure};

use crate::run::Run;

/// Logs one line. `stopped` says that a signal ended the run.
pub fn log(run: &Run, stopped: bool) {
    let Run { totals, orders, took } = run;
    let of = |event: EventType| totals.acknowledged[event.index()];
    let rate = totals.acknowledged() as f64 / took.as_secs_f64().max(0.001);
    tracing::info!(
        orders,
        events = totals.acknowledged(),
        created = of(EventType::OrderCreated),
        paid = of(EventType::OrderPaid),
        shipped = of(EventType::OrderShipped),
        delivered = of(EventType::OrderDelivered),
        cancelled = of(EventType::OrderCancelled),
        unacknowledged = totals.unacknowledged(),
        took_ms = took.as_millis() as u64,
        events_per_second = rate.round(),
        "{}",
        if stopped { "stopped" } else { "all orders are written" }
    );
}

/// Fails unless every event that was sent is certain to be in the topic.
pub fn check(run: &Run) -> Result<(), Failure> {
    let (open, sent) = (run.totals.unacknowledged(), run.totals.sent);
    if open == 0 {
        return Ok(());
    }
    let why = run.totals.last_error.as_deref().unwrap_or("the broker did not answer in time");
    Err(Failure::new(
        Exit::Unexpected,
        format!("{open} of {sent} events may be missing from the topic: {why}"),
    ))
}
