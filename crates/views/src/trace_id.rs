//! A trace id as the history stores it.

use std::fmt;

use uuid::Uuid;

/// The 32 hexadecimal digits of a trace id are those of a UUID. W3C wants them in lower case; one that is written in
/// another way is stored as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceId<'a> {
    Uuid(Uuid),
    Other(&'a str),
}

impl<'a> TraceId<'a> {
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 32 && !text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Self::Uuid(uuid)
            }
            _ => Self::Other(text),
        }
    }
}

impl fmt::Display for TraceId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "{}", uuid.simple()),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_prints_as_it_was() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert!(matches!(TraceId::of(id), TraceId::Uuid(_)));
        for other in [id.to_uppercase(), id.replacen('a', "A", 1)] {
            assert_eq!(TraceId::of(&other), TraceId::Other(&other));
        }
        for id in [id, &id.to_uppercase()] {
            assert_eq!(TraceId::of(id).to_string(), id);
        }
    }
}
