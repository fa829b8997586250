//! An event's id as the history stores it.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

/// Most event ids are UUIDs, which PostgreSQL stores in less than half of the bytes of their text. Any other text,
/// and a UUID that is not written in its usual form, is stored as it is, so that no id changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventId<'a> {
    Uuid(Uuid),
    Other(Cow<'a, str>),
}

/// The length of a UUID with hyphens.
const UUID_CHARS: usize = 36;

impl<'a> EventId<'a> {
    #[must_use]
    pub fn of(text: Cow<'a, str>) -> Self {
        let is_usual = text.len() == UUID_CHARS && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match Uuid::try_parse(&text) {
            Ok(uuid) if is_usual => Self::Uuid(uuid),
            _ => Self::Other(text),
        }
    }
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_usual_form_of_a_uuid_is_one() {
        let usual = "0190a6ee-3f6b-7c55-8b3f-5f2f1d6f0a11";
        assert!(matches!(EventId::of(usual.into()), EventId::Uuid(_)));
        let simple = usual.replace('-', "");
        for other in [&usual.to_uppercase(), &simple, &format!("{{{usual}}}"), "food-orders-3-17", "é"] {
            assert!(matches!(EventId::of(other.into()), EventId::Other(_)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_id_prints_as_it_was(id in "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|.{1,40}") {
            prop_assert_eq!(EventId::of(id.as_str().into()).to_string(), id);
        }
    }
}
