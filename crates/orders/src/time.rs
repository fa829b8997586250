//! Points in time with the precision of PostgreSQL, which is a microsecond.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Microseconds since 1970-01-01T00:00:00Z. Finer digits of an input are cut off. Parsed times lie
/// between [`Time::MIN`] and [`Time::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// The text is not a time, or not one that can be kept.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an RFC 3339 time such as 2026-11-21T18:04:05.123Z, from {min} to {max}", min = Time::MIN, max = Time::MAX)]
pub struct BadTime(pub String);

impl Time {
    /// 2000-01-01T00:00:00Z, from which PostgreSQL counts.
    const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

    /// The earliest time that PostgreSQL's `timestamptz` holds, in 4714 BC.
    pub const MIN: Self = Self(Self::POSTGRES_EPOCH - 211_813_488_000_000_000);
    /// 9999-12-30T22:00:00Z, the latest time that RFC 3339 can express in every time zone.
    pub const MAX: Self = Self(253_402_207_200_000_000);

    /// The time that lies `duration` before this one, or [`Time::MIN`] if that is later.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros)).max(Self::MIN)
    }

    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From the timestamp of a record, in milliseconds. A producer may write any number there: a time
    /// that cannot be kept becomes the nearest one that can.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000)).clamp(Self::MIN, Self::MAX)
    }

    /// Milliseconds since 1970. For a time that was made by [`Time::from_millis`] this is the inverse.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Microseconds since 2000: the binary format of `timestamptz`.
    #[must_use]
    pub fn to_postgres(self) -> i64 {
        self.0 - Self::POSTGRES_EPOCH
    }

    #[must_use]
    pub fn from_postgres(micros: i64) -> Self {
        Self(micros.saturating_add(Self::POSTGRES_EPOCH))
    }
}

/// A time that cannot be kept becomes the nearest one that can.
impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let since_1970 =
            time.duration_since(UNIX_EPOCH).map_or_else(|before| -micros(before.duration()), micros);
        Self(since_1970).clamp(Self::MIN, Self::MAX)
    }
}

impl FromStr for Time {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let bad = || BadTime(text.to_owned());
        let time: Timestamp = text.parse().map_err(|_| bad())?;
        // Rounds towards the past, before 1970 as well, so that cutting off digits never makes a time later.
        let time = Self(time.as_nanosecond().div_euclid(1000) as i64);
        if (Self::MIN..=Self::MAX).contains(&time) { Ok(time) } else { Err(bad()) }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc_3339_and_prints_the_shortest_form() {
        for (text, micros, printed) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1970-01-01T01:00:00.5+01:00", 500_000, "1970-01-01T00:00:00.5Z"),
            ("1969-12-31T23:59:59.9999999Z", -1, "1969-12-31T23:59:59.999999Z"),
            ("2026-11-21T18:04:05.123Z", 1_795_284_245_123_000, "2026-11-21T18:04:05.123Z"),
        ] {
            let time: Time = text.parse().unwrap();
            assert_eq!((time.as_micros(), time.to_string().as_str()), (micros, printed));
            assert_eq!(Time::from_postgres(time.to_postgres()), time);
        }
        for text in ["", "yesterday", "2026-11-21", "2026-11-21T18:04:05", "12345-01-01T00:00:00Z"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_limits_are_those_of_the_calendar_and_of_the_database() {
        assert_eq!(Time::MIN.to_string(), "-004713-11-24T00:00:00Z");
        assert_eq!(Time::MAX.to_string(), "9999-12-30T22:00:00Z");
        for limit in [Time::MIN, Time::MAX] {
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        for beyond in ["-004713-11-23T23:59:59Z", "9999-12-30T22:00:00.5Z"] {
            assert!(beyond.parse::<Time>().is_err(), "{beyond}");
        }
    }

    #[test]
    fn nothing_is_before_the_first_time() {
        let minute = Duration::from_secs(60);
        assert_eq!(Time::from_millis(61_000).before(minute), Time::from_millis(1000));
        assert_eq!(Time::MIN.before(minute), Time::MIN);
        assert_eq!(Time::MAX.before(Duration::MAX), Time::MIN);
    }

    #[test]
    fn a_system_time_counts_from_1970_both_ways() {
        let half = Duration::from_millis(500);
        assert_eq!(Time::from(UNIX_EPOCH + half).as_micros(), 500_000);
        assert_eq!(Time::from(UNIX_EPOCH - half).as_micros(), -500_000);
        assert_eq!(Time::from(UNIX_EPOCH - Duration::from_secs(1 << 40)), Time::MIN);
    }

    #[test]
    fn an_append_time_that_cannot_be_kept_becomes_the_nearest_one() {
        assert_eq!(Time::from_millis(i64::MAX), Time::MAX);
        assert_eq!(Time::from_millis(i64::MIN), Time::MIN);
        assert_eq!(Time::from_millis(-1).as_micros(), -1000);
    }
}
