//! Checks of text for garde.

const LONGEST_IDENTIFIER: usize = 64;
const LONGEST_TEXT: usize = 100;

/// Identifiers are stored with every state of an account, and printed.
pub fn is_identifier(text: &str, _: &()) -> garde::Result {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=LONGEST_IDENTIFIER).contains(&text.len()) && text.bytes().all(legal) {
        return Ok(());
    }
    Err(garde::Error::new("must have 1 to 64 characters out of A-Z, a-z, 0-9, dot, underscore and hyphen"))
}

/// A control character could do anything to the terminal that prints it.
pub fn is_printable(text: &str, _: &()) -> garde::Result {
    let characters = text.chars().count();
    if (1..=LONGEST_TEXT).contains(&characters) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(garde::Error::new("must have 1 to 100 characters, none of them a control character"))
}
