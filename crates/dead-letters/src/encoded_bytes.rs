//! Bytes of a record, encoded so that JSON and terminals can carry them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// How [`EncodedBytes::text`] represents the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Encoding {
    /// The bytes are valid UTF-8; the text is given as it is.
    Text,
    /// The bytes are not valid UTF-8.
    Base64,
}

/// The text itself if the bytes are UTF-8, otherwise base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBytes {
    pub text: String,
    pub encoding: Encoding,
}

impl EncodedBytes {
    /// `is_cut` says that more bytes followed, so the bytes may end inside a character, which is then left out.
    #[must_use]
    pub fn of(bytes: &[u8], is_cut: bool) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // An error without a length means that the text ends inside a character.
            Err(error) if is_cut && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        match text {
            Some(text) => Self { text: text.to_owned(), encoding: Encoding::Text },
            None => Self { text: STANDARD.encode(bytes), encoding: Encoding::Base64 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_becomes_text_and_other_bytes_become_base64() {
        let encode = |bytes: &[u8], is_cut| {
            let EncodedBytes { text, encoding } = EncodedBytes::of(bytes, is_cut);
            (text, encoding)
        };
        assert_eq!(encode("ä\0".as_bytes(), false), ("ä\0".into(), Encoding::Text));
        assert_eq!(encode(&[b'a', 0xc3], false), ("YcM=".into(), Encoding::Base64));
        assert_eq!(
            encode(&[b'a', 0xc3], true),
            ("a".into(), Encoding::Text),
            "the cut runs through a character"
        );
        assert_eq!(encode(&[0xff, b'a'], true), ("/2E=".into(), Encoding::Base64));
    }
}
