//! What a consumer receives: records, the ends of partitions, and errors.
//!
//! rdkafka's own `poll` is not used: it drops the offset of an end and the partition of an error, and it panics
//! on a header whose name is not UTF-8, which any client can write.
#![allow(unsafe_code)]

mod message;

use std::ffi::CStr;
use std::ptr;
use std::slice;
use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::bindings as rd;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as Start, TopicPartitionList};

use crate::owned::Owned;
pub(crate) use message::Message;
pub use message::{HeaderBytes, header_bytes};

/// One thing that was received.
pub(crate) enum Incoming<'a> {
    Record(Message<'a>),
    /// Everything below this position has been received, or is a hole.
    End(Partition, Position),
    /// `partition`: the one that the error is about.
    Failed {
        partition: Option<Partition>,
        error: KafkaError,
    },
}

/// A consumer together with its queue.
pub(crate) struct Receiver<C: ConsumerContext> {
    /// Declared before the consumer, and so dropped before it.
    queue: Owned<rd::rd_kafka_queue_t>,
    consumer: BaseConsumer<C>,
}

impl<C: ConsumerContext> Receiver<C> {
    /// The consumer must have a group id, which is what gives it a queue.
    pub(crate) fn new(consumer: BaseConsumer<C>) -> Self {
        // SAFETY: the queue is this reference to it, and the consumer outlives it. A null pointer is never used:
        // librdkafka returns one only to a client without a group id, and `poll` looks.
        let queue = unsafe {
            let queue = rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
            Owned::new(queue, rd::rd_kafka_queue_destroy)
        };
        Self { queue, consumer }
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// Waits for one event, for at most `timeout`. Calls the context back about rebalances and errors, as
    /// rdkafka's `poll` does.
    pub(crate) fn poll(&self, timeout: Duration) -> Option<Incoming<'_>> {
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        if self.queue.as_ptr().is_null() {
            return None;
        }
        // SAFETY: the queue lives as long as `self`. The event is destroyed once, by `Owned`; whatever borrows
        // from it is copied before that, except for a message, which takes the event along.
        unsafe {
            let event = rd::rd_kafka_queue_poll(self.queue.as_ptr(), millis);
            if event.is_null() {
                return None;
            }
            let event = Owned::new(event, rd::rd_kafka_event_destroy);
            match rd::rd_kafka_event_type(event.as_ptr()) {
                rd::RD_KAFKA_EVENT_FETCH => self.received(event),
                rd::RD_KAFKA_EVENT_ERROR => self.failed(&event),
                rd::RD_KAFKA_EVENT_REBALANCE => {
                    self.rebalance(&event);
                    None
                }
                rd::RD_KAFKA_EVENT_LOG => {
                    self.log(&event);
                    None
                }
                // The others report what is not used here: commits and statistics.
                _ => None,
            }
        }
    }

    /// # Safety
    /// `event` must be a fetch event.
    unsafe fn received(&self, event: Owned<rd::rd_kafka_event_t>) -> Option<Incoming<'_>> {
        // SAFETY: a fetch event owns one message, which lives as long as the event. It is a record: ends and errors
        // are error events.
        unsafe {
            let message = rd::rd_kafka_event_message_next(event.as_ptr());
            (!message.is_null()).then(|| Incoming::Record(Message::of(message, event)))
        }
    }

    /// # Safety
    /// `event` must be an error event.
    unsafe fn failed(&self, event: &Owned<rd::rd_kafka_event_t>) -> Option<Incoming<'_>> {
        // SAFETY: the partition is copied by librdkafka and destroyed once; the text lives as long as the event.
        unsafe {
            let code = RDKafkaErrorCode::from(rd::rd_kafka_event_error(event.as_ptr()));
            let place = Owned::new(
                rd::rd_kafka_event_topic_partition(event.as_ptr()),
                rd::rd_kafka_topic_partition_destroy,
            );
            let place =
                place.as_ptr().as_ref().map(|place| (Partition(place.partition), Position(place.offset)));
            if code == RDKafkaErrorCode::PartitionEOF {
                return place.map(|(partition, end)| Incoming::End(partition, end));
            }
            let reason = CStr::from_ptr(rd::rd_kafka_event_error_string(event.as_ptr())).to_string_lossy();
            self.consumer.context().error(KafkaError::Global(code), reason.trim());
            let error = match rd::rd_kafka_event_error_is_fatal(event.as_ptr()) {
                0 => KafkaError::MessageConsumption(code),
                _ => KafkaError::MessageConsumptionFatal(code),
            };
            Some(Incoming::Failed { partition: place.map(|(partition, _)| partition), error })
        }
    }

    /// Passes a line of librdkafka's log on.
    ///
    /// # Safety
    /// `event` must be a log event.
    unsafe fn log(&self, event: &Owned<rd::rd_kafka_event_t>) {
        let (mut facility, mut text, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the texts are set if the call returns 0, and live as long as the event.
        unsafe {
            if rd::rd_kafka_event_log(event.as_ptr(), &mut facility, &mut text, &mut level) == 0 {
                let (facility, text) = (CStr::from_ptr(facility), CStr::from_ptr(text));
                self.consumer.context().log(
                    log_level(level),
                    &facility.to_string_lossy(),
                    &text.to_string_lossy(),
                );
            }
        }
    }

    /// # Safety
    /// `event` must be a rebalance event.
    unsafe fn rebalance(&self, event: &Owned<rd::rd_kafka_event_t>) {
        let mut partitions = TopicPartitionList::new();
        // SAFETY: the list and its texts live as long as the event; they are copied here.
        let code = unsafe {
            if let Some(list) = rd::rd_kafka_event_topic_partition_list(event.as_ptr()).as_ref()
                && !list.elems.is_null()
            {
                for element in slice::from_raw_parts(list.elems, usize::try_from(list.cnt).unwrap_or(0)) {
                    let topic = CStr::from_ptr(element.topic).to_string_lossy();
                    let _ = partitions.add_partition_offset(&topic, element.partition, Start::Invalid);
                }
            }
            rd::rd_kafka_event_error(event.as_ptr())
        };
        self.consumer.context().rebalance(&self.consumer, code, &mut partitions);
    }
}

/// The levels of syslog, which librdkafka uses.
fn log_level(level: i32) -> RDKafkaLogLevel {
    match level {
        0 => RDKafkaLogLevel::Emerg,
        1 => RDKafkaLogLevel::Alert,
        2 => RDKafkaLogLevel::Critical,
        3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}
