//! The result of a run: one line in the log, and whether everything is in the topic.

use orders::EventType;
use service::{Exit, Failure};

use crate::run::Run;

/// Logs one line.
pub fn log(run: &Run) {
    let Run { totals, orders, took, is_complete } = run;
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
        if *is_complete { "all orders are written" } else { "stopped" }
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
