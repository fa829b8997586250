//! The text that stands with a committed offset. Any program can have written it, in any bytes, and the
//! accessor of rdkafka panics at bytes that are not UTF-8.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::time::Duration;

use orders::Partition;
use rdkafka::ClientContext;
use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::owned::Owned;

/// The metadata of the group's committed offset; `None` if there is no offset, or none with metadata.
pub fn metadata(
    client: &Client<impl ClientContext>,
    topic: &str,
    partition: Partition,
    timeout: Duration,
) -> Result<Option<String>, KafkaError> {
    let failed = |code: rd::rd_kafka_resp_err_t| match RDKafkaErrorCode::from(code) {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(KafkaError::MetadataFetch(code)),
    };
    let name = CString::new(topic).map_err(KafkaError::Nul)?;
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the list is made here with room for its one element, which lives as long as the list does.
    // librdkafka fills in the element's metadata, which the list owns, and its size. The bytes are copied
    // before the list is destroyed, once, at the end of the scope. `client` outlives all of it.
    unsafe {
        let list =
            Owned::new(rd::rd_kafka_topic_partition_list_new(1), rd::rd_kafka_topic_partition_list_destroy);
        rd::rd_kafka_topic_partition_list_add(list.as_ptr(), name.as_ptr(), partition.0);
        failed(rd::rd_kafka_committed(client.native_ptr(), list.as_ptr(), millis))?;
        let element = &*(*list.as_ptr()).elems;
        failed(element.err)?;
        if element.metadata.is_null() || element.metadata_size == 0 {
            return Ok(None);
        }
        let bytes = std::slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size);
        Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
    }
}
