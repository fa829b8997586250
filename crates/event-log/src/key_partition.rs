//! The partition that a key belongs to.
#![allow(unsafe_code)]

use std::ptr;

use orders::Partition;
use rdkafka::bindings as rd;

/// The partition that the Java clients choose for a key (murmur2), and so kafka-console-producer and our writers.
/// `partitions` is at least 1.
#[must_use]
pub fn partition_of_key(key: &[u8], partitions: i32) -> Partition {
    // SAFETY: librdkafka reads the bytes of the key during the call, and nothing of the topic and the two opaque values.
    let partition = unsafe {
        rd::rd_kafka_msg_partitioner_murmur2(
            ptr::null(),
            key.as_ptr().cast(),
            key.len(),
            partitions.max(1),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    Partition(partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_partition_of_javas_clients() {
        // Hashes from the tests of Kafka's own implementation of murmur2.
        for (key, hash) in
            [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
        {
            for partitions in [1, 6, 100] {
                let expected = Partition((hash & 0x7fff_ffff) % partitions);
                assert_eq!(partition_of_key(key.as_bytes(), partitions), expected);
            }
        }
    }
}
