//! Into how many parts the tables of a build are divided.
//!
//! Tables `orders` and `order_history` of a build are either plain tables, or partitioned by the hash of the order id, both into
//! the same number of parts. Statements name the tables; PostgreSQL finds the part. Only what reads pages by their
//! numbers, builds indexes, or reads or writes the orders of a build in bulk names a part.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// The number of parts, from 1 to [`Parts::MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Parts(i16);

/// The text is not a number of [`Parts`].
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is not a number of parts: it is between 1 and {most}", most = Parts::MOST)]
pub struct InvalidParts(String);

/// One of the parts of a build's tables, or all of them. Prints as the end of the tables' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The tables themselves.
    All,
    Number(i16),
}

impl Parts {
    /// The tables are not divided.
    pub const ONE: Self = Self(1);
    /// Many statements lock every part, and the number of locks in PostgreSQL is limited; see docs/decisions/0027-parts.md.
    pub const MOST: i64 = 32;

    #[must_use]
    pub fn count(self) -> i16 {
        self.0
    }

    /// The tables that have rows of their own.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        let numbers = if self == Self::ONE { 0 } else { self.0 };
        let all = (self == Self::ONE).then_some(Part::All);
        all.into_iter().chain((0..numbers).map(Part::Number))
    }

    /// One of them. Orders are divided by a hash, so it is as good a sample as any other.
    #[must_use]
    pub fn first(self) -> Part {
        if self == Self::ONE { Part::All } else { Part::Number(0) }
    }

    pub(crate) fn of_column(number: i16) -> Self {
        // The table has a CHECK.
        Self(number.clamp(1, Self::MOST as i16))
    }
}

impl TryFrom<i64> for Parts {
    type Error = InvalidParts;

    fn try_from(number: i64) -> Result<Self, InvalidParts> {
        match number {
            1..=Self::MOST => Ok(Self(number as i16)),
            _ => Err(InvalidParts(number.to_string())),
        }
    }
}

impl FromStr for Parts {
    type Err = InvalidParts;

    fn from_str(text: &str) -> Result<Self, InvalidParts> {
        let number: i64 = text.parse().map_err(|_| InvalidParts(text.to_owned()))?;
        number.try_into()
    }
}

impl From<Parts> for i64 {
    fn from(Parts(number): Parts) -> Self {
        number.into()
    }
}

impl Part {
    /// Puts a build's schema and the end of the part's names into a statement in place of `{build}` and `{part}`.
    pub(crate) fn statement(self, text: &str, build: Build) -> String {
        for_build(&text.replace("{part}", &self.to_string()), build)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Number(number) => write!(f, "_{number}"),
        }
    }
}

/// Whether a constraint, by its name, is the primary key of table `orders` or of a part of it.
pub(crate) fn is_key_of_orders(constraint: &str) -> bool {
    let name = constraint.strip_prefix("orders").and_then(|name| name.strip_suffix("_pkey"));
    name.is_some_and(|part| part.is_empty() || part.starts_with('_'))
}

impl Build {
    /// Into how many parts its tables are divided.
    pub async fn parts(self, session: &Session) -> Result<Parts> {
        let row = session
            .client
            .query_one("/* views::parts::parts */ SELECT parts FROM public.builds WHERE id = $1", &[&self.0])
            .await
            .map_err(Error::during("reading how many parts a build has"))?;
        Ok(Parts::of_column(row.get(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_with_one_part_has_plain_tables() {
        let names = |parts: i64| -> Vec<String> {
            let parts = Parts::try_from(parts).unwrap();
            parts.iter().map(|part| part.statement("{build}.orders{part}", Build(3))).collect()
        };
        assert_eq!(names(1), ["build_3.orders"]);
        assert_eq!(names(3), ["build_3.orders_0", "build_3.orders_1", "build_3.orders_2"]);
        assert_eq!(Parts::try_from(2).unwrap().first(), Part::Number(0));
        assert_eq!(Parts::ONE.first(), Part::All);
    }

    #[test]
    fn the_number_has_bounds() {
        for number in [i64::MIN, -1, 0, 33, i64::MAX] {
            assert_eq!(Parts::try_from(number), Err(InvalidParts(number.to_string())));
        }
        assert_eq!(Parts::try_from(32).map(Parts::count), Ok(32));
        assert_eq!("16".parse(), Parts::try_from(16));
        assert!("many".parse::<Parts>().is_err());
    }

    #[test]
    fn keys_of_orders_are_known_by_name() {
        for (name, is_key) in [
            ("orders_pkey", true),
            ("orders_12_pkey", true),
            ("order_history_pkey", false),
            ("order_history_3_pkey", false),
            ("orders_state", false),
        ] {
            assert_eq!(is_key_of_orders(name), is_key, "{name}");
        }
    }
}
