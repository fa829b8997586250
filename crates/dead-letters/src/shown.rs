//! Bytes for JSON and for eyes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Text where the bytes are UTF-8, else base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub text: String,
    /// `text` or `base64`.
    pub encoding: &'static str,
}

impl Shown {
    /// `is_cut`: more bytes were there, so that the last character may be half a one. Then it is left out.
    #[must_use]
    pub fn of(bytes: &[u8], is_cut: bool) -> Self {
        let whole = match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // Without a length the fault is that the end is missing.
            Err(error) if is_cut && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        match whole {
            Some(text) => Self { text: text.to_owned(), encoding: "text" },
            None => Self { text: STANDARD.encode(bytes), encoding: "base64" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_is_shown_as_text_and_other_bytes_as_base64() {
        let shown = |bytes: &[u8], is_cut| {
            let shown = Shown::of(bytes, is_cut);
            (shown.text, shown.encoding)
        };
        assert_eq!(shown("ä\0".as_bytes(), false), ("ä\0".into(), "text"));
        assert_eq!(shown(&[b'a', 0xc3], false), ("YcM=".into(), "base64"));
        assert_eq!(shown(&[b'a', 0xc3], true), ("a".into(), "text"), "half a character at the cut");
        assert_eq!(shown(&[0xff, b'a'], true), ("/2E=".into(), "base64"));
    }
}
