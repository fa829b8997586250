//! The merge: how the records of an order become its state.
//!
//! Each event type has a group of columns. A group is won by the record with the
//! highest sequence, ties by the earliest in log order; the order's status comes
//! from the group that wins over all by the same rule. A maximum of a total order:
//! associative, commutative and idempotent, so that the order, the number and the
//! grouping in which records arrive do not matter.
//!
//! The rule stands a second time, on purpose, in `crates/views/src/read/as_of.sql`; a
//! property test holds the two equal.

mod fact;
mod fields;
mod row;

pub use fact::Fact;
pub use fields::Fields;
pub use row::OrderRow;

/// The winning record of each event type that an order has.
#[derive(Clone, Debug, Default)]
pub struct OrderState<'a> {
    groups: [Option<Fact<'a>>; 5],
}

impl<'a> OrderState<'a> {
    /// Merges one record in.
    pub fn add(&mut self, fact: Fact<'a>) {
        let group = &mut self.groups[fact.event.index()];
        if group.as_ref().is_none_or(|winner| fact.outranks(winner)) {
            *group = Some(fact);
        }
    }

    /// Merges another part of the same order's records in.
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

    /// The lowest sequence among the winners. A row whose own sequence lies below
    /// it loses every group that these records bring.
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
