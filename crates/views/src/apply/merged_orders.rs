//! The orders of a batch, each merged from its records.

use std::borrow::Cow;
use std::collections::HashMap;

use orders::{Fact, OrderState};

/// Numbers the orders of a batch from 0, in the order in which their first records come.
#[derive(Debug, Default)]
pub(crate) struct OrderNumbers<'a>(HashMap<Cow<'a, str>, usize>);

/// Merges records by order, one after the other.
#[derive(Debug, Default)]
pub(crate) struct OrderMerge<'a> {
    /// Indexed by the orders' numbers.
    states: Vec<OrderState<'a>>,
}

/// Sorted by order id, so that two writers lock rows in the same order.
#[derive(Debug, Default)]
pub(crate) struct MergedOrders<'a> {
    /// Each order's id and number.
    ids: Vec<(Cow<'a, str>, usize)>,
    states: Vec<OrderState<'a>>,
}

impl<'a> OrderNumbers<'a> {
    pub(crate) fn of(&mut self, order_id: Cow<'a, str>) -> usize {
        let next = self.0.len();
        *self.0.entry(order_id).or_insert(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
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

    pub(crate) fn finish(self, numbers: OrderNumbers<'a>) -> MergedOrders<'a> {
        let mut ids: Vec<_> = numbers.0.into_iter().collect();
        ids.sort_unstable();
        MergedOrders { ids, states: self.states }
    }
}

impl<'a> MergedOrders<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OrderState<'a>)> {
        self.ids.iter().map(|(id, number)| (&**id, &self.states[*number]))
    }
}
