//! Ids of new clusters.

/// 16 random bytes in URL-safe Base64, as Kafka writes its ids. The highest bit is 0, so that the first
/// character is one of A to f: the StorageTool would read a leading dash as a flag.
pub(super) fn new_cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = uuid::Uuid::new_v4().as_u128() >> 1;
    // 22 digits of 6 bits are 132 bits: 128 of the id, and 4 zeros at the end.
    (0..22)
        .map(|digit| {
            let six = if digit == 21 { (bits << 4) & 63 } else { (bits >> (122 - 6 * digit)) & 63 };
            char::from(ALPHABET[usize::try_from(six).unwrap_or(0)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_have_22_characters_and_begin_with_an_alphabetic_one() {
        for _ in 0..1000 {
            let id = new_cluster_id();
            assert_eq!(id.len(), 22, "{id}");
            assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), "{id}");
            // The last digit holds two bits.
            assert!(id.ends_with(['A', 'Q', 'g', 'w']), "{id}");
        }
    }
}
