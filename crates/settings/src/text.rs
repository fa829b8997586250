//! Text, secret or not.

use secrecy::{ExposeSecret, SecretString};

/// Optional text without surrounding white space; `None` if nothing is left.
#[must_use]
pub fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// An optional secret; `None` if it is empty. White space is part of a secret.
#[must_use]
pub fn given_secret(text: Option<&SecretString>) -> Option<&SecretString> {
    text.filter(|text| !text.expose_secret().is_empty())
}

/// A value parser for clap that accepts any text and never repeats it in a message.
pub fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_text_counts_as_not_given() {
        assert_eq!(given(None), None);
        assert_eq!(given(Some("  ")), None);
        assert_eq!(given(Some(" info ")), Some("info"));
        assert!(given_secret(Some(&SecretString::from(""))).is_none());
        assert_eq!(
            given_secret(Some(&SecretString::from(" p "))).map(|text| text.expose_secret()),
            Some(" p ")
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", secret("hunter2")).contains("hunter2"));
    }
}
