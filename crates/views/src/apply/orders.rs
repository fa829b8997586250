//! The orders of a batch, each merged from its records.

use std::borrow::Cow;
use std::collections::HashMap;

use orders::{Fact, OrderState};

/// Numbers orders from 0, as they come.
#[derive(Debug, Default)]
pub(crate) struct Places<'a>(HashMap<Cow<'a, str>, usize>);

/// Merges records by order.
#[derive(Debug, Default)]
pub(crate) struct Merge<'a> {
    states: Vec<OrderState<'a>>,
}

/// In the order of the ids, so that two writers lock rows in the same order.
#[derive(Debug, Default)]
pub(crate) struct Orders<'a> {
    ids: Vec<(Cow<'a, str>, usize)>,
    states: Vec<OrderState<'a>>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(&mut self, order_id: Cow<'a, str>) -> usize {
        let next = self.0.len();
        *self.0.entry(order_id).or_insert(next)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> Merge<'a> {
    /// A record of the order at this place; a place that is new is the next one.
    pub(crate) fn add(&mut self, place: usize, fact: Fact<'a>) {
        if place == self.states.len() {
            self.states.push(OrderState::default());
        }
        self.states[place].add(fact);
    }

    pub(crate) fn finish(self, places: Places<'a>) -> Orders<'a> {
        let mut ids: Vec<_> = places.0.into_iter().collect();
        ids.sort_unstable();
        Orders { ids, states: self.states }
    }
}

impl<'a> Orders<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(|(id, _)| &**id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OrderState<'a>)> {
        self.ids.iter().map(|(id, place)| (&**id, &self.states[*place]))
    }
}
