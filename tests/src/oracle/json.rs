//! A canonical form of JSON, in which equal values have equal texts.

use serde_json::{Number, Value};

/// Up to here, every integer can be represented exactly as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Keys are sorted. `1e3` and `1000.0` become `1000`, as `jsonb` returns them; fractions are compared as
/// doubles.
pub fn canonical(mut value: Value) -> String {
    value.sort_all_objects();
    plain_numbers(&mut value);
    value.to_string()
}

fn plain_numbers(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(plain_numbers),
        Value::Object(fields) => fields.values_mut().for_each(plain_numbers),
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT) {
                *number = Number::from(float as i64);
            }
        }
        _ => {}
    }
}

/// How deeply arrays and objects are nested; 0 for a scalar.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a text or a name contains a NUL character.
pub fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_texts() {
        let canonical = |text: &str| canonical(serde_json::from_str(text).unwrap());
        assert_eq!(canonical(r#"{"b":1e3,"a":[1.50,-0.0]}"#), canonical(r#"{"a": [1.5, 0], "b": 1000}"#));
        assert_eq!(canonical("9223372036854775807"), "9223372036854775807");
        assert_ne!(canonical("1.5"), canonical("1.25"));
    }
}
