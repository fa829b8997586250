//! A tick: a symbol and its price, written as `AAPL: $150.25`.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    pub symbol: String,
    /// Whole cents: their comparisons are exact, which those of floating-point numbers are not.
    pub cents: u64,
}

// Why a line is not a tick.
const COLON: &str = "there is no colon between symbol and price, as in AAPL: $150";
const SYMBOL: &str = "the symbol must have 1 to 12 characters out of A-Z, 0-9, dot and hyphen";
const PRICE: &str = "the price must be a number of dollars such as $150 or $150.25";

impl Tick {
    /// Reads a line as people type it: with or without quotes, dollar sign and spaces.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let line = line.trim();
        let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
        let (symbol, price) = line.split_once(':').ok_or(COLON)?;
        let symbol = symbol.trim();
        let legal = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-');
        if !(1..=12).contains(&symbol.len()) || !symbol.bytes().all(legal) {
            return Err(SYMBOL);
        }
        Ok(Self { symbol: symbol.to_owned(), cents: parse_cents(price.trim()).ok_or(PRICE)? })
    }
}

/// `150`, `150.5` or `150.25`, with or without a dollar sign.
fn parse_cents(text: &str) -> Option<u64> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let (dollars, cents) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(dollars) || !is_number(cents) || cents.len() > 2 {
        return None;
    }
    // One digit after the point counts tenths.
    let cents = format!("{cents:0<2}").parse().ok()?;
    dollars.parse::<u64>().ok()?.checked_mul(100)?.checked_add(cents)
}

pub fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.symbol, dollars(self.cents))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(symbol in "[A-Z0-9.-]{1,12}", cents: u64) {
            let tick = Tick { symbol, cents };
            prop_assert_eq!(Tick::parse(&tick.to_string()), Ok(tick.clone()));
            prop_assert_eq!(Tick::parse(&format!("  \"{tick}\"\r\n")), Ok(tick));
        }

        #[test]
        fn no_line_is_read_as_another_price(dollars in 0_u64..1_000_000, cents in 0_u64..100) {
            let read = |text: String| Tick::parse(&text).map(|tick| tick.cents);
            prop_assert_eq!(read(format!("A:{dollars}.{cents:02}")), Ok(dollars * 100 + cents));
            prop_assert_eq!(read(format!("A: ${dollars}")), Ok(dollars * 100));
            prop_assert_eq!(read(format!("A: ${dollars}.{}", cents % 10)), Ok(dollars * 100 + cents % 10 * 10));
            prop_assert_eq!(read(format!("A: -${dollars}")), Err(PRICE));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            if let Ok(tick) = Tick::parse(&text) {
                prop_assert_eq!(Tick::parse(&tick.to_string()), Ok(tick));
            }
        }
    }

    #[test]
    fn a_line_that_is_no_tick_says_why() {
        for (line, why) in [
            ("", COLON),
            ("AAPL $150", COLON),
            (": $150", SYMBOL),
            ("aapl: $150", SYMBOL),
            ("\"AAPL: $150", SYMBOL),
            ("AAPL:", PRICE),
            ("AAPL: $1.505", PRICE),
            ("AAPL: $1.", PRICE),
            ("AAPL: $1e3", PRICE),
            ("AAPL: $+1", PRICE),
            ("AAPL: $184467440737095516.16", PRICE),
        ] {
            assert_eq!(Tick::parse(line), Err(why), "{line}");
        }
    }
}
