//! What decides, besides the log and the decisions of operators, which rows the records lead to.

use crate::PROJECTION_VERSION;

/// The default of `MAX_RECORD_BYTES`.
pub const DEFAULT_MAX_RECORD_BYTES: usize = 1_000_000;

/// Larger than every limit that can be set.
const LIMITS: i64 = 1_000_000_000;

/// The version of the code, and the size above which a record is a dead letter. Two builds of one projection
/// answer a complete cut with the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    pub version: i32,
    pub max_record_bytes: usize,
}

impl Projection {
    /// The projection of a build. A build without a limit is empty, so any limit suits it.
    pub(crate) fn of(version: i32, max_record_bytes: Option<i32>) -> Self {
        let limit = max_record_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self { version, max_record_bytes: limit.unwrap_or(DEFAULT_MAX_RECORD_BYTES) }
    }

    /// As a cut names it: the version, and with another limit than the default, 10⁹ times the version plus the
    /// limit.
    #[must_use]
    pub fn number(self) -> i64 {
        let version = i64::from(self.version);
        match i64::try_from(self.max_record_bytes) {
            Ok(limit) if self.max_record_bytes != DEFAULT_MAX_RECORD_BYTES => version * LIMITS + limit,
            _ => version,
        }
    }

    /// Whether the number is of this program's version, with any limit.
    #[must_use]
    pub fn is_of_this_version(number: i64) -> bool {
        let version = if number < LIMITS { number } else { number / LIMITS };
        version == i64::from(PROJECTION_VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_default_limit_is_the_version() {
        let number = |limit| Projection::of(PROJECTION_VERSION, limit).number();
        let version = i64::from(PROJECTION_VERSION);
        assert_eq!(number(None), version);
        assert_eq!(number(Some(1_000_000)), version);
        assert_eq!(number(Some(5_000_000)), version * 1_000_000_000 + 5_000_000);
        assert_ne!(number(Some(1)), number(Some(100_000_000)));
    }

    #[test]
    fn a_number_tells_its_version() {
        for limit in [None, Some(1), Some(100_000_000)] {
            assert!(Projection::is_of_this_version(Projection::of(PROJECTION_VERSION, limit).number()));
            assert!(!Projection::is_of_this_version(Projection::of(PROJECTION_VERSION + 1, limit).number()));
        }
    }
}
