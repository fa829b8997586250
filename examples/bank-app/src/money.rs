//! Amounts of money in whole cents, with arithmetic that notices an overflow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Not a floating-point number, whose rounding can lose cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    pub const ZERO: Self = Self(0);
    /// The largest amount, and the largest balance that a deposit or a credit may lead to: a trillion. It leaves room for
    /// 90 000 refunds of that size before an `i64` is full.
    pub const MOST: Self = Self(100_000_000_000_000);

    #[must_use]
    pub fn new(cents: i64) -> Self {
        Self(cents)
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` if it is negative.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self).filter(|left| *left >= Self::ZERO)
    }

    /// `10`, `10.5` or `10.00`; `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (units, cents) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(units) || !is_number(cents) || cents.len() > 2 {
            return None;
        }
        // One digit after the point counts tenths.
        let cents: i64 = format!("{cents:0<2}").parse().ok()?;
        units.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents).map(Self)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// A check for garde: an amount is at least one cent.
pub fn is_amount(amount: &Cents, _: &()) -> garde::Result {
    if (Cents(1)..=Cents::MOST).contains(amount) {
        return Ok(());
    }
    Err(garde::Error::new(format!("must be from 1 to {} cents", Cents::MOST.0)))
}

/// A check for garde: a balance is not negative.
pub fn is_balance(balance: &Cents, _: &()) -> garde::Result {
    if *balance >= Cents::ZERO { Ok(()) } else { Err(garde::Error::new("must not be negative")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(cents in 0..i64::MAX) {
            prop_assert_eq!(Cents::parse(&Cents(cents).to_string()), Some(Cents(cents)));
        }

        #[test]
        fn plus_and_minus_are_exact_or_refused(a in 0..i64::MAX, b in 0..i64::MAX) {
            let sum = i128::from(a) + i128::from(b);
            prop_assert_eq!(Cents(a).plus(Cents(b)).map(|sum| i128::from(sum.0)), i64::try_from(sum).ok().map(i128::from));
            prop_assert_eq!(Cents(a).minus(Cents(b)).is_some(), a >= b);
            if let Some(left) = Cents(a).minus(Cents(b)) {
                prop_assert_eq!(left.plus(Cents(b)), Some(Cents(a)));
            }
        }
    }

    #[test]
    fn nothing_else_is_an_amount() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1,5", "1.005", "1e3", " 1", "92233720368547758.08"] {
            assert_eq!(Cents::parse(text), None, "{text}");
        }
        assert_eq!(Cents::parse("10.5"), Some(Cents(1050)));
        for (cents, fits) in
            [(0, false), (-1, false), (1, true), (Cents::MOST.0, true), (Cents::MOST.0 + 1, false)]
        {
            assert_eq!(is_amount(&Cents(cents), &()).is_ok(), fits, "{cents}");
        }
    }
}
