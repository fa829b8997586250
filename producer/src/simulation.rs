//! Many orders at once: their events in the order in which they happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use event_log::LogClient;
use orders::OrderId;
use orders::decide::Refusal;

use crate::clock::Clock;
use crate::life::{self, Life, Step};
use crate::settings::Orders;

/// Numbers never run out of the order id's six digits and more.
const DIGITS: usize = 6;

const PATIENCE: Duration = Duration::from_secs(10);

/// Every order has an event or more, so that their numbers end before the number of records that the
/// topic has ever held.
pub fn first_free_number(client: &LogClient) -> event_log::Result<u64> {
    let deadline = Instant::now() + PATIENCE;
    let ends = loop {
        match client.offset_ranges(PATIENCE) {
            // A topic that was made just now is not known to every broker yet.
            Err(error) if error.is_passing() && Instant::now() < deadline => {
                sleep(Duration::from_millis(100))
            }
            ends => break ends?,
        }
    };
    let records: i64 = ends.values().map(|watermarks| watermarks.end_offset.0).sum();
    Ok(u64::try_from(records).unwrap_or_default() + 1)
}

/// A discrete-event simulation: time jumps from one event to the next.
pub struct Simulation {
    orders: Orders,
    clock: Clock,
    /// Of the order that comes next.
    number: u64,
    /// How many orders are still to come; `None`: no end.
    left: Option<u64>,
    elapsed: Duration,
    next_arrival: Duration,
    between_arrivals: Duration,
    /// When something happens to the order at this place in `lives`; the earliest first.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    lives: Vec<Life>,
    free: Vec<usize>,
}

/// One event with what its record needs.
pub struct Happening {
    pub step: Step,
    pub customer: u32,
}

impl Simulation {
    pub fn new(orders: Orders, clock: Clock, first: u64) -> Self {
        Self {
            number: first,
            left: orders.count,
            clock,
            elapsed: Duration::ZERO,
            next_arrival: Duration::ZERO,
            between_arrivals: life::mean_duration().div_f64(orders.in_flight),
            due: BinaryHeap::new(),
            lives: Vec::new(),
            free: Vec::new(),
            orders,
        }
    }

    /// Orders that were placed so far.
    pub fn placed(&self, first: u64) -> u64 {
        self.number - first
    }

    /// Of these, the ones that have ended.
    pub fn ended(&self, first: u64) -> u64 {
        self.placed(first) - self.due.len() as u64
    }

    /// The next event; `None` when all orders have ended.
    pub fn next(&mut self) -> Result<Option<Happening>, Refusal> {
        let place = match self.due.peek() {
            Some(Reverse((due, _))) if self.left == Some(0) || *due <= self.next_arrival => {
                let Some(Reverse((due, place))) = self.due.pop() else { return Ok(None) };
                self.elapsed = due;
                place
            }
            _ if self.left == Some(0) => return Ok(None),
            _ => self.arrive(),
        };
        let life = &mut self.lives[place];
        let step = life.step(self.clock.at(self.elapsed))?;
        let customer = life.customer;
        match step.next_in {
            Some(wait) => self.due.push(Reverse((self.elapsed + wait, place))),
            None => self.free.push(place),
        }
        Ok(Some(Happening { step, customer }))
    }

    /// Where the order is that is placed now.
    fn arrive(&mut self) -> usize {
        self.elapsed = self.next_arrival;
        self.next_arrival += self.between_arrivals;
        self.left = self.left.map(|left| left - 1);
        let number = self.number;
        self.number += 1;
        // The prefix was checked to leave room for any number.
        #[allow(clippy::expect_used)]
        let order_id = OrderId::parse(&format!("{}{number:0DIGITS$}", self.orders.id_prefix))
            .expect("a checked prefix and a number are an order id");
        let life = Life::new(&self.orders, order_id, number);
        if let Some(place) = self.free.pop() {
            self.lives[place] = life;
            place
        } else {
            self.lives.push(life);
            self.lives.len() - 1
        }
    }
}

#[cfg(test)]
mod tests;
