//! One order from its first event to its last: which event comes next, and when.

use std::time::Duration;

use fake::Fake;
use fake::rand::rngs::Xoshiro256PlusPlus;
use fake::rand::{Rng, RngExt, SeedableRng};
use orders::decide::{Refusal, Stamp, Standing, decide};
use orders::{Command, NewEvent, OrderId, Status, Time};
use uuid::Uuid;

use crate::catalog;
use crate::demand::Demand;

/// Seconds from one event to the next, uncompressed: the shortest and the longest.
const UNTIL_PAID: (u32, u32) = (20, 180);
const UNTIL_SHIPPED: (u32, u32) = (480, 1800);
const UNTIL_DELIVERED: (u32, u32) = (600, 2100);
/// From an event to its repetition, by a sender that missed the acknowledgement.
const UNTIL_REPEATED: (u32, u32) = (1, 30);

/// Of an order that is not cancelled.
const EVENTS_PER_ORDER: f64 = 4.0;

/// The mean time from the first event to the last.
pub fn mean_duration() -> Duration {
    let steps = [UNTIL_PAID, UNTIL_SHIPPED, UNTIL_DELIVERED];
    let seconds: f64 = steps.iter().map(|(least, most)| f64::from(least + most) / 2.0).sum();
    Duration::from_secs_f64(seconds)
}

/// How many orders are under way at a time, given the rate of events.
pub fn in_flight(events_per_second: f64, time_compression: f64) -> f64 {
    events_per_second / EVENTS_PER_ORDER * mean_duration().as_secs_f64() / time_compression
}

/// One order. Everything about it follows from the seed and its number.
pub struct Life {
    pub customer: u32,
    order_id: OrderId,
    rng: Xoshiro256PlusPlus,
    standing: Option<Standing>,
    /// The status of the event that a cancellation replaces.
    cancelled_instead_of: Option<Status>,
    /// The status of the event that is written twice.
    repeated: Option<Status>,
    /// The event to write again, before any other.
    repeat: Option<NewEvent>,
}

/// One event, and when the next one is due, counted from this one.
pub struct Step {
    pub event: NewEvent,
    /// The value of a W3C `traceparent` header.
    pub traceparent: String,
    pub next_in: Option<Duration>,
}

impl Life {
    pub fn new(orders: &Demand, order_id: OrderId, number: u64) -> Self {
        // Neighbouring numbers lead to distant seeds; the generator mixes them further.
        let mut rng =
            Xoshiro256PlusPlus::seed_from_u64(orders.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let customer = catalog::customer(&mut rng);
        let cancelled = rng.random_bool(orders.cancel_share);
        let cancelled_instead_of = cancelled.then(|| cancelled_instead_of(&mut rng));
        let repeated = rng.random_bool(orders.duplicate_share);
        let last = if cancelled { 1 } else { 4 };
        let repeated = repeated.then(|| Status::ALL[(0..last).fake_with_rng::<usize, _>(&mut rng)]);
        Self { customer, order_id, rng, standing: None, cancelled_instead_of, repeated, repeat: None }
    }

    /// The next event, at `now`.
    pub fn step(&mut self, now: Time) -> Result<Step, Refusal> {
        let event = match self.repeat.take() {
            Some(event) => event,
            None => self.decide(now)?,
        };
        let next_in = self.repeat.is_some().then_some(UNTIL_REPEATED).or_else(|| self.until_next());
        let next_in = next_in.map(|(least, most)| {
            let millis: u64 = (u64::from(least) * 1000..=u64::from(most) * 1000).fake_with_rng(&mut self.rng);
            Duration::from_millis(millis)
        });
        Ok(Step { event, traceparent: traceparent(&mut self.rng), next_in })
    }

    fn decide(&mut self, now: Time) -> Result<NewEvent, Refusal> {
        let command = self.next_command();
        let millis = u64::try_from(now.as_micros() / 1000).unwrap_or_default();
        let event_id = uuid::Builder::from_unix_timestamp_millis(millis, &self.rng.random()).into_uuid();
        let stamp = Stamp { order_id: self.order_id.clone(), event_id, occurred_at: now };
        let event = decide(self.standing, command, stamp)?;
        self.standing = Some(Standing::after(self.standing, &event));
        if self.repeated == Some(event.event().status()) {
            self.repeat = Some(event.clone());
        }
        Ok(event)
    }

    fn next_command(&mut self) -> Command {
        let rng = &mut self.rng;
        let next = match self.standing.map(|standing| standing.status) {
            None => Status::Pending,
            Some(Status::Pending) => Status::Paid,
            Some(Status::Paid) => Status::Shipped,
            Some(_) => Status::Delivered,
        };
        if self.cancelled_instead_of == Some(next) {
            return catalog::cancel(rng);
        }
        match next {
            Status::Pending => catalog::place(self.customer, rng),
            Status::Paid => catalog::pay(rng),
            Status::Shipped => catalog::ship(rng),
            Status::Delivered | Status::Cancelled => Command::Deliver,
        }
    }

    fn until_next(&self) -> Option<(u32, u32)> {
        match self.standing?.status {
            Status::Pending => Some(UNTIL_PAID),
            Status::Paid => Some(UNTIL_SHIPPED),
            Status::Shipped => Some(UNTIL_DELIVERED),
            Status::Delivered | Status::Cancelled => None,
        }
    }
}

/// Most cancellations come before the payment.
fn cancelled_instead_of(rng: &mut impl Rng) -> Status {
    match (0..10).fake_with_rng::<u32, _>(rng) {
        0..=5 => Status::Paid,
        6..=8 => Status::Shipped,
        _ => Status::Delivered,
    }
}

fn traceparent(rng: &mut impl Rng) -> String {
    let trace = Uuid::from_u128(rng.random());
    let span: u64 = rng.random();
    format!("00-{}-{span:016x}-01", trace.simple())
}
