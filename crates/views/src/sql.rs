//! Statements for a build, and times as values of theirs.

use bytes::{BufMut, BytesMut};
use orders::Time;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::Build;

/// Puts a build's schema into a statement in place of `{build}`. It is made from a number, so it needs no
/// quotes.
#[must_use]
pub(crate) fn for_build(text: &str, build: Build) -> String {
    text.replace("{build}", &build.schema())
}

/// A [`Time`] as `timestamptz`.
#[derive(Clone, Copy, Debug)]
pub struct Timestamptz(pub Time);

impl ToSql for Timestamptz {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.put_i64(self.0.to_postgres());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Timestamptz {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Time::from_postgres(i64::from_be_bytes(raw.try_into()?))))
    }

    accepts!(TIMESTAMPTZ);
}
