//! The hash of `true`, `false`, `null`, or a number.

use std::hash::{DefaultHasher, Hasher};

use super::object::{hash_text, mix};

/// A number hashes by its decimal value, whatever its size: `1e2` like `100`.
pub(super) fn hash_scalar(word: &str) -> u64 {
    let (negative, unsigned) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return mix(0x776f_7264, hash_text(word));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or_default()),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> =
        whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
    let mut exponent = exponent - fraction.len() as i64;
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent += 1;
    }
    if digits.is_empty() {
        return 0x7a65_726f;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&digits);
    hasher.write_i64(exponent);
    hasher.write_u8(u8::from(negative));
    hasher.finish()
}
