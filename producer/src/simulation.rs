//! Simulates many orders at once, and gives their events in the order of their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use orders::OrderId;
use orders::decide::Refusal;

use crate::clock::Clock;
use crate::demand::Demand;
use crate::life::{self, Life, Step};

/// The least number of digits in an order id.
const DIGITS: usize = 6;

/// A discrete-event simulation: time jumps from one event to the next.
pub struct Simulation {
    orders: Demand,
    clock: Clock,
    /// The number of the next order.
    number: u64,
    /// How many orders are still to be placed; `None`: without end.
    left: Option<u64>,
    elapsed: Duration,
    next_arrival: Duration,
    between_arrivals: Duration,
    /// When the order at this index in `lives` has its next event; the earliest first.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    lives: Vec<Life>,
    /// Indexes in `lives` of orders that have ended.
    free: Vec<usize>,
}

/// One event, with what its record needs.
pub struct SimulatedEvent {
    pub step: Step,
    pub customer: u32,
}

impl Simulation {
    pub fn new(orders: Demand, clock: Clock, first: u64) -> Self {
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

    /// How many orders were placed so far.
    pub fn placed(&self, first: u64) -> u64 {
        self.number - first
    }

    /// How many of these have ended.
    pub fn ended(&self, first: u64) -> u64 {
        self.placed(first) - self.due.len() as u64
    }

    /// The next event; `None` when all orders have ended.
    pub fn next(&mut self) -> Result<Option<SimulatedEvent>, Refusal> {
        let index = match self.due.peek() {
            Some(Reverse((due, _))) if self.left == Some(0) || *due <= self.next_arrival => {
                let Some(Reverse((due, index))) = self.due.pop() else { return Ok(None) };
                self.elapsed = due;
                index
            }
            _ if self.left == Some(0) => return Ok(None),
            _ => self.place_order(),
        };
        let life = &mut self.lives[index];
        let step = life.step(self.clock.at(self.elapsed))?;
        let customer = life.customer;
        match step.next_in {
            Some(wait) => self.due.push(Reverse((self.elapsed + wait, index))),
            None => self.free.push(index),
        }
        Ok(Some(SimulatedEvent { step, customer }))
    }

    /// Places the next order, and returns its index in `lives`.
    fn place_order(&mut self) -> usize {
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
        if let Some(index) = self.free.pop() {
            self.lives[index] = life;
            index
        } else {
            self.lives.push(life);
            self.lives.len() - 1
        }
    }
}

#[cfg(test)]
mod tests;
