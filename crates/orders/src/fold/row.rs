//! A merged order as a row of table `orders`.

use std::borrow::Cow;

use super::OrderState;
use super::fields::write_member;
use crate::{EventType, Fact, Status, Time, text};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderRow<'a> {
    pub status: Status,
    pub last_updated: Time,
    pub sequence: i32,
    pub customer_id: Option<Cow<'a, str>>,
    pub restaurant_id: Option<Cow<'a, str>>,
    pub total_cents: Option<i64>,
    pub currency: Option<Cow<'a, str>>,
    pub created_at: Option<Time>,
    pub paid_at: Option<Time>,
    pub shipped_at: Option<Time>,
    pub delivered_at: Option<Time>,
    pub cancelled_at: Option<Time>,
    pub payment_method: Option<Cow<'a, str>>,
    pub courier_id: Option<Cow<'a, str>>,
    pub cancel_reason: Option<Cow<'a, str>>,
    /// A JSON object of the winners' fields that have no column. If two winners have a field of the
    /// same name, the one of higher rank comes last, and `jsonb` keeps that one.
    pub details: Option<String>,
}

impl<'a> OrderRow<'a> {
    pub(super) fn of(state: &'a OrderState<'_>) -> Option<Self> {
        let latest = state.latest()?;
        let mut row = Self {
            status: latest.event.status(),
            last_updated: latest.occurred_at,
            sequence: latest.sequence,
            customer_id: None,
            restaurant_id: None,
            total_cents: None,
            currency: None,
            created_at: None,
            paid_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            payment_method: None,
            courier_id: None,
            cancel_reason: None,
            details: None,
        };
        let mut winners: [Option<&Fact<'_>>; 5] = [None; 5];
        for (slot, fact) in winners.iter_mut().zip(state.winners()) {
            *slot = Some(fact);
        }
        winners.sort_unstable_by_key(|fact| fact.map(Fact::rank));
        let mut details = String::from("{");
        for fact in winners.into_iter().flatten() {
            row.take(fact, &mut details);
        }
        if details.len() > 1 {
            details.push('}');
            row.details = Some(details);
        }
        Some(row)
    }

    /// Sets the columns of one group.
    fn take(&mut self, fact: &'a Fact<'_>, details: &mut String) {
        use EventType::{OrderCancelled, OrderCreated, OrderDelivered, OrderPaid, OrderShipped};
        let time = match fact.event {
            OrderCreated => &mut self.created_at,
            OrderPaid => &mut self.paid_at,
            OrderShipped => &mut self.shipped_at,
            OrderDelivered => &mut self.delivered_at,
            OrderCancelled => &mut self.cancelled_at,
        };
        *time = Some(fact.occurred_at);
        for (name, raw) in fact.fields.iter() {
            let column = match (fact.event, name) {
                (OrderCreated, "customer_id") => &mut self.customer_id,
                (OrderCreated, "restaurant_id") => &mut self.restaurant_id,
                (OrderCreated, "currency") => &mut self.currency,
                (OrderPaid, "payment_method") => &mut self.payment_method,
                (OrderShipped, "courier_id") => &mut self.courier_id,
                (OrderCancelled, "reason") => &mut self.cancel_reason,
                (OrderCreated, "total_cents") => {
                    self.total_cents = raw.parse().ok();
                    continue;
                }
                _ => {
                    write_member(details, name, raw);
                    continue;
                }
            };
            *column = text::string(raw);
        }
    }
}
