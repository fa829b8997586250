//! Where many partitions begin and end: one request for each leader, and one time limit for all of them. rdkafka's
//! safe call asks for one partition, and waits for it.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::time::{Duration, Instant};

use orders::{Partition, Position};
use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use crate::error::{Error, Result};
use crate::owned::Owned;

/// librdkafka looks once a second for requests whose time is over.
const GRACE: Duration = Duration::from_secs(1);

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The offset of the first record that has not been deleted.
    Begin,
    /// One past the last record that readers of committed records receive.
    LastStable,
    /// One past the last record, whether it is committed or not.
    HighWatermark,
}

/// For each partition its offset, or why it is not known.
pub(crate) type Answers = BTreeMap<Partition, Result<Position, RDKafkaErrorCode>>;

/// Asks for all of `wanted` at once. Each answer names each of `partitions`. Blocks for
/// at most a second more than `timeout`.
pub(crate) fn ask<const N: usize>(
    client: &Client<impl rdkafka::ClientContext>,
    topic: &str,
    partitions: &[Partition],
    wanted: [Wanted; N],
    timeout: Duration,
) -> Result<[Answers; N]> {
    let name = CString::new(topic).map_err(|_| Error::TopicName(topic.to_owned()))?;
    let deadline = Instant::now() + timeout;
    let questions = wanted.map(|wanted| Question::ask(client, &name, partitions, wanted, timeout));
    Ok(questions.map(|question| question.answers(partitions, deadline)))
}

/// A question on its way, and the queue that the answer will arrive in.
struct Question {
    queue: Owned<rd::rd_kafka_queue_t>,
}

impl Question {
    fn ask(
        client: &Client<impl rdkafka::ClientContext>,
        topic: &CString,
        partitions: &[Partition],
        wanted: Wanted,
        timeout: Duration,
    ) -> Self {
        use rd::rd_kafka_IsolationLevel_t as Isolation;
        use rd::rd_kafka_OffsetSpec_t as Spec;
        let (spec, isolation) = match wanted {
            Wanted::Begin => (Spec::RD_KAFKA_OFFSET_SPEC_EARLIEST, None),
            Wanted::LastStable => {
                (Spec::RD_KAFKA_OFFSET_SPEC_LATEST, Some(Isolation::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED))
            }
            Wanted::HighWatermark => (Spec::RD_KAFKA_OFFSET_SPEC_LATEST, None),
        };
        let size = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
        // SAFETY: all objects are made here, and each is destroyed once (`Owned`). librdkafka copies the list and the
        // options. The elements that are written to were just added to the list. `client` outlives the queue.
        unsafe {
            let handle = client.native_ptr();
            let queue = Owned::new(rd::rd_kafka_queue_new(handle), rd::rd_kafka_queue_destroy);
            let list = Owned::new(
                rd::rd_kafka_topic_partition_list_new(size),
                rd::rd_kafka_topic_partition_list_destroy,
            );
            for partition in partitions {
                let element =
                    rd::rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), partition.0);
                (*element).offset = spec as i64;
            }
            let options = Owned::new(
                rd::rd_kafka_AdminOptions_new(handle, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS),
                rd::rd_kafka_AdminOptions_destroy,
            );
            rd::rd_kafka_AdminOptions_set_request_timeout(
                options.as_ptr(),
                millis(timeout),
                std::ptr::null_mut(),
                0,
            );
            if let Some(isolation) = isolation {
                drop(Owned::new(
                    rd::rd_kafka_AdminOptions_set_isolation_level(options.as_ptr(), isolation),
                    rd::rd_kafka_error_destroy,
                ));
            }
            rd::rd_kafka_ListOffsets(handle, list.as_ptr(), options.as_ptr(), queue.as_ptr());
            Self { queue }
        }
    }

    fn answers(self, partitions: &[Partition], deadline: Instant) -> Answers {
        // A leader that does not answer in time leaves a gap, and no error.
        let all = |code| partitions.iter().map(|partition| (*partition, Err(code))).collect();
        let mut answers: Answers = all(RDKafkaErrorCode::OperationTimedOut);
        let left = deadline.saturating_duration_since(Instant::now()) + GRACE;
        // SAFETY: the event, its result and the infos in it live until the end of the block, and are only read.
        // librdkafka gives the number of the infos, and each of them has a partition.
        unsafe {
            let event = rd::rd_kafka_queue_poll(self.queue.as_ptr(), millis(left));
            if event.is_null() {
                return answers;
            }
            let event = Owned::new(event, rd::rd_kafka_event_destroy);
            match RDKafkaErrorCode::from(rd::rd_kafka_event_error(event.as_ptr())) {
                RDKafkaErrorCode::NoError => {}
                code => return all(code),
            }
            let mut count = 0;
            let result = rd::rd_kafka_event_ListOffsets_result(event.as_ptr());
            let infos = rd::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
            for index in 0..count {
                let element = &*rd::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(index));
                let answer = match RDKafkaErrorCode::from(element.err) {
                    RDKafkaErrorCode::NoError if element.offset < 0 => continue,
                    RDKafkaErrorCode::NoError => Ok(Position(element.offset)),
                    code => Err(code),
                };
                answers.insert(Partition(element.partition), answer);
            }
        }
        answers
    }
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
