//! Whether a client is a member of its group. rdkafka has no safe call for it.
#![allow(unsafe_code)]

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};

use crate::owned::Owned;

/// The generation of the group in the classic protocol, the member's epoch in that of KIP-848. Both begin at 1; what is less means
/// that the client is no member now.
pub(crate) fn group_generation(client: &Client<impl ClientContext>) -> i32 {
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
