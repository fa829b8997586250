//! Murmur2 as the Java clients compute it, written down once more: the fold must not use the program's own code.

const M: u32 = 0x5bd1_e995;

/// The partition of a key.
pub fn partition(key: &[u8], partitions: i32) -> i32 {
    (hash(key) & 0x7fff_ffff) as i32 % partitions
}

fn hash(data: &[u8]) -> u32 {
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * at);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[test]
fn it_is_that_of_java() {
    // From the tests of Kafka's own implementation.
    for (key, expected) in
        [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
    {
        assert_eq!(hash(key.as_bytes()) as i32, expected, "{key}");
    }
}
