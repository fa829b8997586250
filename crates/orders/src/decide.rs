//! Decides which event a command on an order leads to.
//!
//! Commands are refused only here. Once an event is in the log it is a fact, and the fold applies it
//! whatever the lifecycle says.

use uuid::Uuid;

use crate::command::{Command, Item};
use crate::new_event::{Attributes, NewEvent};
use crate::{EventType, OrderId, OrderRow, Status, Time, decode, lifecycle};

/// What a decision needs to know about an existing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub status: Status,
    /// The sequence of the event that gave the order its status.
    pub sequence: i32,
    pub total_cents: Option<i64>,
}

impl Standing {
    /// The standing of the order after `event`.
    #[must_use]
    pub fn after(before: Option<Self>, event: &NewEvent) -> Self {
        let total_cents = match event.attributes {
            Attributes::Created { total_cents, .. } => Some(total_cents),
            _ => before.and_then(|standing| standing.total_cents),
        };
        Self { status: event.event().status(), sequence: event.sequence, total_cents }
    }
}

impl From<&OrderRow<'_>> for Standing {
    fn from(row: &OrderRow<'_>) -> Self {
        Self { status: row.status, sequence: row.sequence, total_cents: row.total_cents }
    }
}

/// What the caller adds to a decision: the order, and what comes from a clock or at random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub order_id: OrderId,
    /// Version 7.
    pub event_id: Uuid,
    pub occurred_at: Time,
}

/// Why a command does not lead to an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the order does not exist; it must be placed first")]
    NoSuchOrder,
    #[error("the order has already been placed; it is {}", .0.as_str())]
    AlreadyPlaced(Status),
    #[error("cannot {command} an order that is {}", .status.as_str())]
    NotAllowed { command: &'static str, status: Status },
    #[error("an order must have at least one item")]
    NoItems,
    #[error("the quantity of {0:?} is 0; it must be at least 1")]
    NoQuantity(String),
    #[error("the total exceeds {} cents", i64::MAX)]
    TotalTooLarge,
    #[error("{0} must have 1 to {max} characters and no NUL", max = decode::MAX_ID_CHARS)]
    BadText(&'static str),
    #[error("the order has reached the highest sequence that an event can have")]
    TooManyEvents,
}

/// Decides on one command. `standing` is `None` for an order that does not exist.
pub fn decide(standing: Option<Standing>, command: Command, stamp: Stamp) -> Result<NewEvent, Refusal> {
    check_lifecycle(standing, &command)?;
    let sequence = standing.map_or(0, |standing| standing.sequence);
    let sequence = sequence.checked_add(1).ok_or(Refusal::TooManyEvents)?;
    let attributes = match command {
        Command::Place { customer_id, restaurant_id, items, currency } => Attributes::Created {
            total_cents: total(&items)?,
            customer_id: checked("customer_id", customer_id)?,
            restaurant_id: checked("restaurant_id", restaurant_id)?,
            items,
            currency: checked("currency", currency)?,
        },
        Command::Pay { payment_method } => Attributes::Paid {
            payment_method: checked("payment_method", payment_method)?,
            amount_cents: standing.and_then(|standing| standing.total_cents),
        },
        Command::Ship { courier_id } => {
            Attributes::Shipped { courier_id: checked("courier_id", courier_id)? }
        }
        Command::Deliver => Attributes::Delivered,
        Command::Cancel { reason } => Attributes::Cancelled { reason: checked("reason", reason)? },
    };
    let Stamp { order_id, event_id, occurred_at } = stamp;
    Ok(NewEvent { order_id, event_id, sequence, occurred_at, attributes })
}

fn check_lifecycle(standing: Option<Standing>, command: &Command) -> Result<(), Refusal> {
    let status = standing.map(|standing| standing.status);
    let event = match command {
        Command::Place { .. } => EventType::OrderCreated,
        Command::Pay { .. } => EventType::OrderPaid,
        Command::Ship { .. } => EventType::OrderShipped,
        Command::Deliver => EventType::OrderDelivered,
        Command::Cancel { .. } => EventType::OrderCancelled,
    };
    if lifecycle::allows(status, event) {
        return Ok(());
    }
    Err(match (status, event) {
        (None, _) => Refusal::NoSuchOrder,
        (Some(status), EventType::OrderCreated) => Refusal::AlreadyPlaced(status),
        (Some(status), _) => Refusal::NotAllowed { command: command.name(), status },
    })
}

fn total(items: &[Item]) -> Result<i64, Refusal> {
    if items.is_empty() {
        return Err(Refusal::NoItems);
    }
    items.iter().try_fold(0_i64, |total, item| {
        check_text("an item's name", &item.name)?;
        if item.quantity == 0 {
            return Err(Refusal::NoQuantity(item.name.clone()));
        }
        // The product of two 32-bit numbers always fits into 128 bits.
        let price = i128::from(item.quantity) * i128::from(item.unit_price_cents);
        i64::try_from(price).ok().and_then(|price| total.checked_add(price)).ok_or(Refusal::TotalTooLarge)
    })
}

/// Refuses text that the decoder would refuse, before it reaches the log.
fn check_text(name: &'static str, text: &str) -> Result<(), Refusal> {
    let chars = text.chars().take(decode::MAX_ID_CHARS + 1).count();
    if chars == 0 || chars > decode::MAX_ID_CHARS || text.contains('\0') {
        return Err(Refusal::BadText(name));
    }
    Ok(())
}

fn checked(name: &'static str, text: String) -> Result<String, Refusal> {
    check_text(name, &text).map(|()| text)
}

#[cfg(test)]
mod tests;
