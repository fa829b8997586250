//! A hash of JSON by its meaning. A producer may write the same value in several ways, and an order's row may hold
//! members that its history has in another form; all hash alike if they are the same value. So the hash does not
//! depend on whitespace, on escapes, on the order of an object's members, on members that a later one of the same name
//! replaces, or on how a number is written.

mod cursor;
mod object;
mod scalar;

use self::cursor::Cursor;
use self::object::Object;

/// Hashes the value that the text of valid JSON stands for.
pub(super) fn hash(json: &str) -> u64 {
    Cursor::new(json).value()
}

/// Hashes an object of these members, each with the JSON text of its value. `None` if
/// there are no members.
pub(super) fn hash_members<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Option<u64> {
    let mut object = Object::default();
    for (name, json) in members {
        object.set(object::hash_text(name), hash(json));
    }
    (!object.is_empty()).then(|| object.hash())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_hashes_like_what_jsonb_prints_for_it() {
        for (written, printed) in [
            (r#"{"b":1,"a":[1,2,{"x":null}]}"#, r#"{"a": [1, 2, {"x": null}], "b": 1}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
            (r#""\u00e9\/\n""#, "\"é/\\n\""),
            (r#"{"k\u0065y":true}"#, r#"{"key": true}"#),
            ("1e2", "100"),
            ("1.50", "1.5"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
            ("1E-3", "0.001"),
            ("[ ]", "[]"),
            ("{}", "{ }"),
        ] {
            assert_eq!(hash(written), hash(printed), "{written} and {printed}");
        }
    }

    #[test]
    fn different_values_hash_differently() {
        let all = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "\"\"",
            "\"0\"",
            "\"null\"",
            "[]",
            "[0]",
            "[[0]]",
            "[0,0]",
            "[1,2]",
            "[2,1]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":{"b":1}}"#,
            r#"["a",1]"#,
            r#""\"""#,
            r#""\\""#,
            "12345678901234567890",
            "12345678901234567891",
        ];
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert_ne!(hash(one), hash(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn members_have_the_hash_of_their_object() {
        let fields = [("b", "[1]"), ("a", "1"), ("a", "\"x\"")];
        assert_eq!(hash_members(fields.into_iter()), Some(hash(r#"{"a": "x", "b": [1]}"#)));
        assert_eq!(hash_members(std::iter::empty()), None);
    }

    #[test]
    fn text_that_is_not_json_neither_hangs_nor_panics() {
        for text in ["", "}", "{", "[", "\"", "\"\\", "[}", "{\"a\"", "[1", "é", ",,", "{]"] {
            hash(text);
        }
    }
}
