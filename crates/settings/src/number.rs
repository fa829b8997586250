//! Numbers within bounds.

use crate::Invalid;

/// A whole number between two bounds, both included.
pub fn whole_number(variable: &'static str, text: &str, from: u64, to: u64) -> Result<u64, Invalid> {
    match text.trim().parse() {
        Ok(number) if (from..=to).contains(&number) => Ok(number),
        _ => {
            Err(Invalid::new(variable, format!("is {text:?}; it must be a whole number from {from} to {to}")))
        }
    }
}

/// A number between two bounds, both included.
pub fn number(variable: &'static str, value: f64, from: f64, to: f64) -> Result<f64, Invalid> {
    if (from..=to).contains(&value) {
        return Ok(value);
    }
    Err(Invalid::new(variable, format!("is {value}; it must be a number from {from} to {to}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_included() {
        for (text, expected) in [("1", 1), (" 16 ", 16)] {
            assert_eq!(whole_number("LANES", text, 1, 16), Ok(expected));
        }
        for text in ["", "0", "17", "-1", "1.5", "two", "99999999999999999999"] {
            let invalid = whole_number("LANES", text, 1, 16).unwrap_err();
            assert_eq!(
                invalid.to_string(),
                format!("LANES is {text:?}; it must be a whole number from 1 to 16")
            );
        }
        for value in [0.0, 0.25, 1.0] {
            assert_eq!(number("--share", value, 0.0, 1.0), Ok(value));
        }
        for value in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(number("--share", value, 0.0, 1.0).unwrap_err().variable, "--share");
        }
    }
}
