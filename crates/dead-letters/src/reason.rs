//! The reason that an operator gives for a decision.

pub const MAX_REASON_CHARS: usize = 1000;

/// At most [`MAX_REASON_CHARS`] characters without NUL; white space around the text is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text cannot be a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    #[error("a discard needs a reason of 1 to {MAX_REASON_CHARS} characters")]
    Missing,
    #[error("the reason has {chars} characters; it may have at most {MAX_REASON_CHARS}")]
    TooLong { chars: usize },
    #[error("the reason contains a NUL character")]
    Nul,
}

impl Reason {
    /// For a retry, whose purpose is clear without a reason.
    pub fn optional(text: Option<&str>) -> Result<Self, BadReason> {
        let text = text.unwrap_or_default().trim();
        if text.contains('\0') {
            return Err(BadReason::Nul);
        }
        let chars = text.chars().count();
        if chars > MAX_REASON_CHARS {
            return Err(BadReason::TooLong { chars });
        }
        Ok(Self(text.to_owned()))
    }

    /// For a discard, which nobody can explain later without one.
    pub fn required(text: Option<&str>) -> Result<Self, BadReason> {
        let reason = Self::optional(text)?;
        if reason.0.is_empty() { Err(BadReason::Missing) } else { Ok(reason) }
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
    fn only_a_discard_needs_a_reason_and_every_reason_is_bounded() {
        let longest = "ä".repeat(MAX_REASON_CHARS);
        let too_long = format!("{longest}x");
        let fine = |text: &str| Ok(Reason(text.to_owned()));
        for (text, optional, required) in [
            (None, fine(""), Err(BadReason::Missing)),
            (Some(" "), fine(""), Err(BadReason::Missing)),
            (Some(" a test "), fine("a test"), fine("a test")),
            (Some(longest.as_str()), fine(&longest), fine(&longest)),
            (
                Some(&too_long),
                Err(BadReason::TooLong { chars: 1001 }),
                Err(BadReason::TooLong { chars: 1001 }),
            ),
            (Some("\0"), Err(BadReason::Nul), Err(BadReason::Nul)),
        ] {
            assert_eq!(Reason::optional(text), optional, "{text:?}");
            assert_eq!(Reason::required(text), required, "{text:?}");
        }
    }
}
