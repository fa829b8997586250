//! Why an operator decided so.

use crate::error::{Error, Result};

pub const MAX_REASON_CHARS: usize = 1000;

/// A text of at most [`MAX_REASON_CHARS`], without NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// For a retry, which speaks for itself.
    pub fn optional(text: Option<&str>) -> Result<Self> {
        let text = text.unwrap_or_default().trim();
        if text.contains('\0') || text.chars().nth(MAX_REASON_CHARS).is_some() {
            return Err(Error::BadReason);
        }
        Ok(Self(text.to_owned()))
    }

    /// For a discard: nobody else will know why.
    pub fn required(text: Option<&str>) -> Result<Self> {
        let reason = Self::optional(text)?;
        if reason.0.is_empty() { Err(Error::BadReason) } else { Ok(reason) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discard_needs_a_reason_and_no_reason_is_endless() {
        let longest = "ä".repeat(MAX_REASON_CHARS);
        for (text, optional, required) in [
            (None, true, false),
            (Some(" "), true, false),
            (Some(" a test "), true, true),
            (Some(longest.as_str()), true, true),
            (Some(&format!("{longest}x")), false, false),
            (Some("\0"), false, false),
        ] {
            assert_eq!(Reason::optional(text).is_ok(), optional, "{text:?}");
            assert_eq!(Reason::required(text).is_ok(), required, "{text:?}");
        }
        assert_eq!(Reason::required(Some(" a test ")).unwrap().as_str(), "a test");
    }
}
