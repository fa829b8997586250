//! A record in librdkafka's memory.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use orders::record::{self, Headers};
use orders::{Offset, Partition, Record};
use rdkafka::bindings as rd;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;

use crate::owned::Owned;

/// It must not outlive its consumer.
pub(crate) struct Message<'a> {
    message: *const rd::rd_kafka_message_t,
    /// Owns the message.
    _event: Owned<rd::rd_kafka_event_t>,
    consumer: PhantomData<&'a ()>,
}

impl Message<'_> {
    /// # Safety
    /// `message` must be the message of `event`, whose consumer lives for as long as the result.
    pub(super) unsafe fn of(
        message: *const rd::rd_kafka_message_t,
        event: Owned<rd::rd_kafka_event_t>,
    ) -> Self {
        Self { message, _event: event, consumer: PhantomData }
    }

    pub(crate) fn topic(&self) -> Cow<'_, str> {
        // SAFETY: the topic belongs to the message, and its name ends with a NUL.
        unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(self.raw().rkt)) }.to_string_lossy()
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition(self.raw().partition)
    }

    pub(crate) fn offset(&self) -> Offset {
        Offset(self.raw().offset)
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        let raw = self.raw();
        // SAFETY: librdkafka gives the length of what it points to, which lives as long as the message.
        unsafe { bytes(raw.key.cast_const().cast(), raw.key_len) }
    }

    pub(crate) fn value(&self) -> Option<&[u8]> {
        let raw = self.raw();
        // SAFETY: as for the key.
        unsafe { bytes(raw.payload.cast_const().cast(), raw.len) }
    }

    /// Milliseconds since 1970; 0 if the record has no time stamp.
    pub(crate) fn millis(&self) -> i64 {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message lives as long as `self`.
        let millis = unsafe { rd::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        match kind {
            rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => 0,
            // Kafka's sign for "none".
            _ if millis == -1 => 0,
            _ => millis,
        }
    }

    /// The record without its headers: they are in no single block of memory that it could borrow.
    pub(crate) fn without_headers(&self) -> Record<'_> {
        Record {
            partition: self.partition(),
            offset: self.offset(),
            appended_millis: self.millis(),
            key: self.key(),
            value: self.value(),
            headers: Headers::default(),
        }
    }

    /// Appends the headers in the form that [`Headers`] reads.
    pub(crate) fn push_headers(&self, out: &mut Vec<u8>) {
        push_headers(self.raw(), out);
    }

    fn raw(&self) -> &rd::rd_kafka_message_t {
        // SAFETY: `of` requires it, and the event lives as long as `self`.
        unsafe { &*self.message }
    }
}

/// A header's name and its value.
pub type HeaderBytes = (Vec<u8>, Option<Vec<u8>>);

/// The headers of a message, for readers that poll by rdkafka's own means; `None` if they cannot be read.
#[must_use]
pub fn header_bytes(message: &BorrowedMessage<'_>) -> Option<Vec<HeaderBytes>> {
    let mut block = Vec::new();
    // SAFETY: the message lives as long as the reference to it.
    push_headers(unsafe { message.ptr().as_ref()? }, &mut block);
    let headers = Headers(&block);
    let copied = headers.iter().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)));
    headers.are_readable().then(|| copied.collect())
}

/// librdkafka reads at most 100 000 headers of a record, and a name only up to its first NUL.
fn push_headers(message: &rd::rd_kafka_message_t, out: &mut Vec<u8>) {
    let start = out.len();
    if try_push_headers(message, out).is_none() {
        out.truncate(start);
        out.extend_from_slice(Headers::UNREADABLE.0);
    }
}

/// `None` if they cannot be read.
fn try_push_headers(message: &rd::rd_kafka_message_t, out: &mut Vec<u8>) -> Option<()> {
    let mut headers = ptr::null_mut();
    // SAFETY: the headers belong to the message; their names end with a NUL, and the values have the
    // lengths that librdkafka gives. All of it is copied.
    unsafe {
        match RDKafkaErrorCode::from(rd::rd_kafka_message_headers(message, &raw mut headers)) {
            RDKafkaErrorCode::NoError => {}
            RDKafkaErrorCode::NoEnt => return Some(()),
            _ => return None,
        }
        for index in 0..rd::rd_kafka_header_cnt(headers) {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            let code =
                rd::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length);
            if RDKafkaErrorCode::from(code) != RDKafkaErrorCode::NoError || name.is_null() {
                return None;
            }
            record::push_header(out, CStr::from_ptr(name).to_bytes(), bytes(value.cast(), length));
        }
    }
    Some(())
}

/// # Safety
/// `start` must be null or point to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { slice::from_raw_parts(start, length) })
}
