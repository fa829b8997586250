//! Sends records that rdkafka's safe producer cannot send: with header names of any bytes and any time stamp.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int};
use std::ptr;
use std::sync::Mutex;
use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Stage};
use rdkafka::bindings as rd;
use rdkafka::config::ClientConfig;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, bindings::rd_kafka_vtype_t as Type};

/// A record of any shape.
#[derive(Clone, Debug, Default)]
pub struct RawRecord {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; 0 means now.
    pub millis: i64,
}

struct Failures(Mutex<Vec<String>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap().push(error.to_string());
        }
    }
}

/// Sends the records to partition 0, and returns once all are acknowledged.
pub async fn send_raw(stage: &Stage, compression: &str, records: Vec<RawRecord>) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &stage.kafka.bootstrap_servers)
        .set("acks", "all")
        .set("message.max.bytes", "62000000")
        .set("queue.buffering.max.kbytes", "1000000")
        .set("linger.ms", "200")
        .set("compression.type", compression);
    let topic = stage.kafka.topic.clone();
    let sent = tokio::task::spawn_blocking(move || {
        let producer: BaseProducer<Failures> =
            config.create_with_context(Failures(Mutex::default())).unwrap();
        for record in &records {
            assert_eq!(produce(&producer, &topic, record), RDKafkaErrorCode::NoError, "{:?}", record.millis);
            producer.poll(Duration::ZERO);
        }
        producer.flush(2 * GIVE_UP_AFTER).unwrap();
        let failures = producer.context().0.lock().unwrap().clone();
        assert!(failures.is_empty(), "{failures:?}");
    });
    sent.await.unwrap();
}

fn produce(producer: &BaseProducer<Failures>, topic: &str, record: &RawRecord) -> RDKafkaErrorCode {
    let topic = CString::new(topic).unwrap();
    let part = |bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => (bytes.as_ptr(), bytes.len()),
        None => (ptr::null(), 0),
    };
    let ((key, key_len), (value, value_len)) = (part(&record.key), part(&record.value));
    // SAFETY: the arguments come in pairs of a kind and its value, up to the end mark. librdkafka copies key and
    // value, and takes the headers over unless it returns an error.
    unsafe {
        let headers = rd::rd_kafka_headers_new(record.headers.len());
        for (name, value) in &record.headers {
            let (value, length) = part(value);
            let name_len = name.len().cast_signed();
            rd::rd_kafka_header_add(
                headers,
                name.as_ptr().cast(),
                name_len,
                value.cast(),
                length.cast_signed(),
            );
        }
        let code = rd::rd_kafka_producev(
            producer.client().native_ptr(),
            Type::RD_KAFKA_VTYPE_TOPIC as c_int,
            topic.as_ptr(),
            Type::RD_KAFKA_VTYPE_PARTITION as c_int,
            0,
            Type::RD_KAFKA_VTYPE_MSGFLAGS as c_int,
            2, // copy
            Type::RD_KAFKA_VTYPE_KEY as c_int,
            key,
            key_len,
            Type::RD_KAFKA_VTYPE_VALUE as c_int,
            value,
            value_len,
            Type::RD_KAFKA_VTYPE_TIMESTAMP as c_int,
            record.millis,
            Type::RD_KAFKA_VTYPE_HEADERS as c_int,
            headers,
            Type::RD_KAFKA_VTYPE_END as c_int,
        );
        let code = RDKafkaErrorCode::from(code);
        if code != RDKafkaErrorCode::NoError {
            rd::rd_kafka_headers_destroy(headers);
        }
        code
    }
}
