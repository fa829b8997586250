//! The fields of an event as raw JSON, in their original order.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::key::Key;
use crate::text;

/// Pairs of a name and a raw JSON value. If a name occurs twice, the last one counts, as in `jsonb`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

/// The number of fields that most events have.
const USUAL: usize = 5;

impl<'a> Fields<'a> {
    pub fn push(&mut self, name: Cow<'a, str>, raw: &'a str) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(USUAL);
        }
        self.0.push((name, raw));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, raw)| (&**name, *raw))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends these fields to the JSON object that `out` ends in.
    pub fn write_members(&self, out: &mut String) {
        for (name, raw) in self.iter() {
            write_member(out, name, raw);
        }
    }

    /// Reads a JSON object.
    pub fn from_object(json: &'a str) -> Result<Self, serde_json::Error> {
        let mut fields = Self::default();
        let members: Members<'a> = serde_json::from_str(json)?;
        for (name, value) in members.0 {
            fields.push(name, value.get());
        }
        Ok(fields)
    }
}

/// Appends `"name":raw` to the JSON object that `out` ends in, after a comma if it is not the first.
pub(super) fn write_member(out: &mut String, name: &str, raw: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    text::push_string(out, name);
    out.push(':');
    out.push_str(raw);
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> serde::de::Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((member.0.0, member.1));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
