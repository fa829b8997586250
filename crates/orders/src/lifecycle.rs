//! Which events may follow which status.

use crate::{EventType, Status};

/// Whether the lifecycle allows `event` for an order in `status`; `None` means that the order does not
/// exist yet. An event that is not allowed is still a fact: the fold applies it.
#[must_use]
pub fn allows(status: Option<Status>, event: EventType) -> bool {
    use EventType::{OrderCancelled, OrderCreated, OrderDelivered, OrderPaid, OrderShipped};
    use Status::{Paid, Pending, Shipped};
    matches!(
        (status, event),
        (None, OrderCreated)
            | (Some(Pending), OrderPaid | OrderCancelled)
            | (Some(Paid), OrderShipped | OrderCancelled)
            | (Some(Shipped), OrderDelivered | OrderCancelled)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivered_and_cancelled_are_ends() {
        for event in EventType::ALL {
            assert!(!allows(Some(Status::Delivered), event));
            assert!(!allows(Some(Status::Cancelled), event));
        }
    }

    #[test]
    fn every_status_is_reached_from_nothing() {
        let mut reached = vec![None];
        let mut next = 0;
        while next < reached.len() {
            for event in EventType::ALL {
                let status = Some(event.status());
                if allows(reached[next], event) && !reached.contains(&status) {
                    reached.push(status);
                }
            }
            next += 1;
        }
        assert_eq!(reached.len(), 1 + Status::ALL.len());
    }
}
