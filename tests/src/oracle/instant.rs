//! Times as microseconds since 1970.

use std::error::Error;

use tokio_postgres::types::{FromSql, Type, accepts};

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// The times that PostgreSQL can store, and that RFC 3339 can write in every time zone.
const EARLIEST: i64 = POSTGRES_EPOCH - 211_813_488_000_000_000;
const LATEST: i64 = 253_402_207_200_000_000;

/// A `timestamptz`.
pub struct Micros(pub i64);

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?).saturating_add(POSTGRES_EPOCH)))
    }

    accepts!(TIMESTAMPTZ);
}

/// Reads RFC 3339. Digits below the microsecond are cut off, towards the past.
pub fn parse(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    let micros = time.as_nanosecond().div_euclid(1000) as i64;
    (EARLIEST..=LATEST).contains(&micros).then_some(micros)
}

/// The time stamp of a record, or the nearest time that can be stored.
pub fn from_millis(millis: i64) -> i64 {
    millis.saturating_mul(1000).clamp(EARLIEST, LATEST)
}

pub fn print(micros: i64) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{micros} µs since 1970"),
    }
}
