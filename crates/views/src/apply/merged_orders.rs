//! The orders of a batch, each merged from its records.

use std::borrow::Cow;
use std::collections::HashMap;

use orders::{Fact, OrderState};

/// Numbers the orders of a batch from 0, in the order in which their first records come.
#[derive(Debug, Default)]
pub(crate) struct OrderNumbers<'a>(HashMap<Cow<'a, str>, usize>);

/// Each order's id and number, sorted by id, so that two writers lock rows in the same order.
#[derive(Debug, Default)]
pub(crate) struct SortedOrders<'a>(Vec<(Cow<'a, str>, usize)>);

/// Merges records by order, one after the other.
#[derive(Debug, Default)]
pub(crate) struct OrderMerge<'a> {
    /// Indexed by the orders' numbers.
    states: Vec<OrderState<'a>>,
}

/// The orders with their states, sorted by id.
#[derive(Debug, Default)]
pub(crate) struct MergedOrders<'a> {
    ids: Vec<(Cow<'a, str>, usize)>,
    states: Vec<OrderState<'a>>,
}

impl<'a> OrderNumbers<'a> {
    pub(crate) fn of(&mut self, order_id: Cow<'a, str>) -> usize {
        let next = self.0.len();
        *self.0.entry(order_id).or_insert(next)
    }

    /// The numbers and ids, sorted by id.
    pub(crate) fn sorted(self) -> SortedOrders<'a> {
        let mut ids: Vec<_> = self.0.into_iter().collect();
        ids.sort_unstable();
        SortedOrders(ids)
    }
}

impl SortedOrders<'_> {
    /// The rank of each order by its id, indexed by the order's number.
    pub(crate) fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.0.len()];
        for (rank, (_, number)) in self.0.iter().enumerate() {
            ranks[*number] = rank;
        }
        ranks
    }
}

impl<'a> OrderMerge<'a> {
    /// Adds a record of the order with this number. A number that is new is the next one.
    pub(crate) fn add(&mut self, number: usize, fact: Fact<'a>) {
        if number == self.states.len() {
            self.states.push(OrderState::default());
        }
        self.states[number].add(fact);
    }

    pub(crate) fn finish(self, orders: SortedOrders<'a>) -> MergedOrders<'a> {
        MergedOrders { ids: orders.0, states: self.states }
    }
}

impl<'a> MergedOrders<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OrderState<'a>)> {
        self.ids.iter().map(|(id, number)| (&**id, &self.states[*number]))
    }
}
