//! The merge: how the records of an order become its state.
//!
//! Each event type has a group of columns. The record with the highest sequence wins its group; among
//! several with that sequence, the earliest in log order wins. By the same rule, one of the winners gives
//! the order its status. The result is therefore a maximum under a total order, which is associative,
//! commutative and idempotent: it does not matter in which order, how often or in which batches the
//! records arrive.
//!
//! The rule exists a second time, on purpose, in the SQL of the as-of queries
//! (`crates/views/src/read/as_of.sql`); a property test keeps the two equal.

mod fact;
mod fields;
mod row;

pub use fact::Fact;
pub use fields::Fields;
pub use row::OrderRow;

/// The winning record of each event type of one order.
#[derive(Clone, Debug, Default)]
pub struct OrderState<'a> {
    groups: [Option<Fact<'a>>; 5],
}

impl<'a> OrderState<'a> {
    /// Merges one record into the state.
    pub fn add(&mut self, fact: Fact<'a>) {
        let group = &mut self.groups[fact.event.index()];
        if group.as_ref().is_none_or(|winner| fact.outranks(winner)) {
            *group = Some(fact);
        }
    }

    /// Merges the state of another part of the same order's records into this one.
    pub fn merge(&mut self, other: Self) {
        other.groups.into_iter().flatten().for_each(|fact| self.add(fact));
    }

    /// The winners, in the order of the lifecycle.
    pub fn winners(&self) -> impl Iterator<Item = &Fact<'a>> {
        self.groups.iter().flatten()
    }

    /// The record that gives the order its status; `None` before the first one.
    #[must_use]
    pub fn latest(&self) -> Option<&Fact<'a>> {
        self.winners().reduce(|best, fact| if fact.outranks(best) { fact } else { best })
    }

    /// The lowest sequence among the winners. A row with a lower sequence loses every group that these
    /// records have.
    #[must_use]
    pub fn first_sequence(&self) -> Option<i32> {
        self.winners().map(|fact| fact.sequence).min()
    }

    /// The row of table `orders`; `None` before the first record.
    #[must_use]
    pub fn row(&self) -> Option<OrderRow<'_>> {
        OrderRow::of(self)
    }
}

#[cfg(test)]
mod tests;
