//! The five events of an order's life, and the status that each leads to.

use std::fmt;
use std::str::FromStr;

/// One kind of fact about an order. The discriminant is the rank in the lifecycle, which is the
/// sequence of an event that has none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    OrderCreated = 1,
    OrderPaid = 2,
    OrderShipped = 3,
    OrderDelivered = 4,
    OrderCancelled = 5,
}

impl EventType {
    pub const ALL: [Self; 5] =
        [Self::OrderCreated, Self::OrderPaid, Self::OrderShipped, Self::OrderDelivered, Self::OrderCancelled];

    /// 1 to 5, in the order of the lifecycle.
    #[must_use]
    pub fn rank(self) -> i32 {
        self as i32
    }

    /// 0 to 4, in the order of [`EventType::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize - 1
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "OrderCreated",
            Self::OrderPaid => "OrderPaid",
            Self::OrderShipped => "OrderShipped",
            Self::OrderDelivered => "OrderDelivered",
            Self::OrderCancelled => "OrderCancelled",
        }
    }

    /// What stands for it in the tables, as for the status that it leads to.
    #[must_use]
    pub fn code(self) -> u8 {
        self.status().code()
    }

    /// The reverse of [`EventType::code`].
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.code() == code)
    }

    /// The status that an order has when this event is its latest.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::OrderCreated => Status::Pending,
            Self::OrderPaid => Status::Paid,
            Self::OrderShipped => Status::Shipped,
            Self::OrderDelivered => Status::Delivered,
            Self::OrderCancelled => Status::Cancelled,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of an event that this version knows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown event {0:?}")]
pub struct UnknownEvent(pub String);

impl FromStr for EventType {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        Self::ALL
            .into_iter()
            .find(|event| event.as_str() == text)
            .ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

/// The state of an order in its lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Pending,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Paid, Self::Shipped, Self::Delivered, Self::Cancelled];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    /// What stands for it in the tables: C, P, S or D as in OrderCreated to OrderDelivered, and X for cancelled.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Pending => b'C',
            Self::Paid => b'P',
            Self::Shipped => b'S',
            Self::Delivered => b'D',
            Self::Cancelled => b'X',
        }
    }

    /// The reverse of [`Status::code`].
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a status.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown status {0:?}; the statuses are pending, paid, shipped, delivered and cancelled")]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
