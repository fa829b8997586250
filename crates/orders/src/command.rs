//! Commands: what somebody wants to happen to an order.

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// 1 to 128 characters.
    pub name: String,
    /// At least 1.
    pub quantity: u32,
    pub unit_price_cents: u32,
}

/// What somebody wants. Each text must have 1 to 128 characters and no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Place {
        customer_id: String,
        restaurant_id: String,
        items: Vec<Item>,
        /// Such as `EUR`.
        currency: String,
    },
    Pay {
        payment_method: String,
    },
    Ship {
        courier_id: String,
    },
    Deliver,
    Cancel {
        reason: String,
    },
}

impl Command {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::Pay { .. } => "pay",
            Self::Ship { .. } => "ship",
            Self::Deliver => "deliver",
            Self::Cancel { .. } => "cancel",
        }
    }
}
