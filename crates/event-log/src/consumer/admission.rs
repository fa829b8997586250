//! Whether the group has let this client in. librdkafka asks a broker that lacks the protocol of KIP-848 again and again, and reports
//! nothing. rdkafka has no safe call for it.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};

use crate::owned::Owned;

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
        self.is_known = generation(client) > 0;
        self.is_known
    }
}

/// The generation of the group in the classic protocol, the member's epoch in that of KIP-848. Both begin at 1.
fn generation(client: &Client<impl ClientContext>) -> i32 {
    // SAFETY: the client outlives this call. librdkafka hands the object over, or null where there is no member yet; it
    // is destroyed once (`Owned`), after its last use.
    unsafe {
        let metadata = Owned::new(
            rd::rd_kafka_consumer_group_metadata(client.native_ptr()),
            rd::rd_kafka_consumer_group_metadata_destroy,
        );
        match metadata.as_ptr() {
            none if none.is_null() => -1,
            metadata => rd::rd_kafka_consumer_group_metadata_generation_id(metadata),
        }
    }
}
