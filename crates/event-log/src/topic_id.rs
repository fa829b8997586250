//! The id that a topic gets when it is created. It distinguishes the topic from a later one of the same
//! name. rdkafka has no safe call for it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::{Error, Result};
use crate::owned::Owned;

/// The topic's id; `None` if the topic does not exist, or if the broker is older than topic ids
/// (Kafka 2.8).
pub(crate) fn ask(
    client: &Client<impl rdkafka::ClientContext>,
    topic: &str,
    timeout: Duration,
) -> Result<Option<String>> {
    let name = CString::new(topic).map_err(|_| Error::TopicName(topic.to_owned()))?;
    // SAFETY: every pointer comes from librdkafka and is checked where it may be null. Each object is
    // destroyed once (`Owned`), after the last use of what belongs to it, and before `client`.
    unsafe {
        let handle = client.native_ptr();
        let queue = Owned::new(rd::rd_kafka_queue_new(handle), rd::rd_kafka_queue_destroy);
        let mut names = [name.as_ptr()];
        let topics = Owned::new(
            rd::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            rd::rd_kafka_TopicCollection_destroy,
        );
        let options = Owned::new(
            rd::rd_kafka_AdminOptions_new(handle, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            rd::rd_kafka_AdminOptions_destroy,
        );
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        rd::rd_kafka_AdminOptions_set_request_timeout(options.as_ptr(), millis, std::ptr::null_mut(), 0);
        rd::rd_kafka_DescribeTopics(handle, topics.as_ptr(), options.as_ptr(), queue.as_ptr());
        let event = rd::rd_kafka_queue_poll(queue.as_ptr(), millis);
        if event.is_null() {
            return Err(failed(RDKafkaErrorCode::OperationTimedOut));
        }
        let event = Owned::new(event, rd::rd_kafka_event_destroy);
        succeeded(rd::rd_kafka_event_error(event.as_ptr()))?;
        let mut count = 0;
        let result = rd::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        let descriptions = rd::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 {
            return Ok(None);
        }
        let description = *descriptions;
        let code = rd::rd_kafka_error_code(rd::rd_kafka_TopicDescription_error(description));
        if code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
            return Ok(None);
        }
        succeeded(code)?;
        let id = rd::rd_kafka_TopicDescription_topic_id(description);
        if rd::rd_kafka_Uuid_most_significant_bits(id) == 0
            && rd::rd_kafka_Uuid_least_significant_bits(id) == 0
        {
            return Ok(None);
        }
        let text = CStr::from_ptr(rd::rd_kafka_Uuid_base64str(id));
        Ok(Some(text.to_string_lossy().into_owned()))
    }
}

fn succeeded(code: rd::rd_kafka_resp_err_t) -> Result<()> {
    match RDKafkaErrorCode::from(code) {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(failed(code)),
    }
}

fn failed(code: RDKafkaErrorCode) -> Error {
    Error::Kafka { attempt: "asking for the topic's id", cause: KafkaError::MetadataFetch(code) }
}
