//! Whether the group has let this client in. librdkafka asks a broker that lacks the protocol of KIP-848 again and again, and reports
//! nothing.

use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};

use crate::group_generation::group_generation;

const INTERVAL: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Default)]
pub(super) struct Admission {
    is_known: bool,
    asked_at: Option<Instant>,
}

impl Admission {
    /// Whether the group has let the client in for the first time since the last call. To be called often.
    pub(super) fn is_new(&mut self, client: &Client<impl ClientContext>, now: Instant) -> bool {
        if self.is_known || self.asked_at.is_some_and(|at| now.duration_since(at) < INTERVAL) {
            return false;
        }
        self.asked_at = Some(now);
        self.is_known = group_generation(client) > 0;
        self.is_known
    }
}
