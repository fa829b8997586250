use super::*;

fn read(schema: &str, value: &[u8]) -> Result<String, (Cause, String)> {
    read_up_to(schema, value, usize::MAX)
}

fn read_up_to(schema: &str, value: &[u8], max_bytes: usize) -> Result<String, (Cause, String)> {
    AvroReader::of(schema).unwrap().read(value, max_bytes).map_err(|unread| (unread.cause, unread.why))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

#[test]
fn each_type_has_its_json() {
    let decimal = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
    let fixed_decimal =
        r#"{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4,"scale":0}"#;
    let logical = |base: &str, name: &str| format!(r#"{{"type":"{base}","logicalType":"{name}"}}"#);
    for (schema, value, json) in [
        (r#""null""#, &b""[..], "null"),
        (r#""boolean""#, b"\x01", "true"),
        (r#""int""#, b"\x01", "-1"),
        (r#""long""#, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "9223372036854775807"),
        (r#""long""#, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "-9223372036854775808"),
        (r#""float""#, b"\0\0\xc0\x3f", "1.5"),
        (r#""double""#, b"\0\0\0\0\0\0\xf0\x3f", "1.0"),
        (r#""bytes""#, b"\x04\x00\xff", r#""00ff""#),
        (r#""string""#, b"\x04a\"", r#""a\"""#),
        (r#"{"type":"array","items":"int"}"#, b"\x04\x02\x04\x01\x02\x06\x00", "[1,2,3]"),
        (r#"{"type":"array","items":"int"}"#, b"\0", "[]"),
        (r#"{"type":"map","values":"int"}"#, b"\x02\x02a\x02\x00", r#"{"a":1}"#),
        (r#"["null","string"]"#, b"\x02\x02x", r#""x""#),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, b"\x02", r#""B""#),
        (r#"{"type":"fixed","name":"F","size":2}"#, b"\x01\x02", r#""0102""#),
        (decimal, b"\x04\x04\xd2", "12.34"),
        (decimal, b"\x02\xff", "-0.01"),
        (decimal, b"\x02\x05", "0.05"),
        (fixed_decimal, b"\xff\xfe", "-2"),
        (&logical("int", "date"), b"\x02", r#""1970-01-02""#),
        (&logical("int", "time-millis"), b"\xd0\x0f", r#""00:00:01""#),
        (&logical("long", "timestamp-millis"), b"\xd0\x0f", r#""1970-01-01T00:00:01Z""#),
        (&logical("long", "timestamp-micros"), b"\x01", r#""1969-12-31T23:59:59.999999Z""#),
        (&logical("long", "local-timestamp-millis"), b"\xd0\x0f", r#""1970-01-01T00:00:01""#),
        (&logical("string", "uuid"), b"\x02x", r#""x""#),
    ] {
        assert_eq!(read(schema, value).as_deref(), Ok(json), "{schema}");
    }
    let uuid = r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#;
    assert_eq!(read(uuid, &[1; 16]).unwrap(), r#""01010101-0101-0101-0101-010101010101""#);
}

#[test]
fn only_the_null_fields_of_the_outer_record_are_left_out() {
    let inner = r#"{"type":"record","name":"I","fields":[{"name":"x","type":["null","int"]}]}"#;
    let schema = record(&format!(
        r#"{{"name":"a","type":["null","int"]}},{{"name":"b","type":{inner}}},{{"name":"c","type":["null","I"]}}"#
    ));
    assert_eq!(read(&schema, b"\0\0\0").unwrap(), r#"{"b":{"x":null}}"#);
    assert_eq!(read(&schema, b"\x02\x02\0\x02\0").unwrap(), r#"{"a":1,"b":{"x":null},"c":{"x":null}}"#);
}

#[test]
fn what_is_not_as_the_schema_describes_is_refused() {
    for (schema, value) in [
        (r#""string""#, &b""[..]),
        (r#""string""#, b"\x04a"),
        (r#""string""#, b"\x01"),
        (r#""string""#, b"\x02\xff"),
        (r#""int""#, b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
        (r#""int""#, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (r#""int""#, b"\x02\x02"),
        (r#""boolean""#, b"\x02"),
        (r#"["null","string"]"#, b"\x04"),
        (r#"["null","string"]"#, b"\x01"),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, b"\x02"),
        (r#"{"type":"array","items":"int"}"#, b"\x04\x02"),
        (r#"{"type":"fixed","name":"F","size":2}"#, b"\x01"),
    ] {
        assert_eq!(read(schema, value).unwrap_err().0, Cause::SchemaMismatch, "{schema} {value:?}");
    }
    for (schema, value) in [
        (r#""double""#, &b"\0\0\0\0\0\0\xf0\x7f"[..]),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (r#"{"type":"int","logicalType":"time-millis"}"#, b"\x01"),
        (r#"{"type":"int","logicalType":"date"}"#, b"\xfe\xff\xff\xff\x0f"),
    ] {
        assert_eq!(read(schema, value).unwrap_err().0, Cause::OutOfRange, "{schema}");
    }
}

#[test]
fn a_few_bytes_cannot_become_more_json_than_the_limit() {
    // 2⁶² nulls, or records without fields.
    let many = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f";
    for items in [r#""null""#, r#"{"type":"record","name":"I","fields":[]}"#] {
        let (cause, why) = read(&format!(r#"{{"type":"array","items":{items}}}"#), many).unwrap_err();
        assert_eq!((cause, why.as_str()), (Cause::SchemaMismatch, "a list has items that take no bytes"));
    }
    let name = "x".repeat(100);
    let wide = format!(
        r#"{{"type":"array","items":{{"type":"record","name":"I","fields":[{{"name":"{name}","type":"boolean"}}]}}}}"#
    );
    let mut value = b"\xc0\x9a\x0c".to_vec(); // a block of 100 000
    value.resize(value.len() + 100_000, 1);
    for (max_bytes, limit) in [(1_000, 1_000), (usize::MAX, 10_000_000)] {
        let (cause, why) = read_up_to(&wide, &value, max_bytes).unwrap_err();
        assert_eq!((cause, why), (Cause::TooLarge, format!("as JSON it has more than {limit} bytes")));
    }
}

#[test]
fn a_schema_that_contains_itself_is_read_up_to_a_depth() {
    let list = record(r#"{"name":"next","type":["null","R"]}"#);
    assert_eq!(read(&list, b"\x02\x02\0").unwrap(), r#"{"next":{"next":{"next":null}}}"#);
    assert_eq!(read(&list, &[2; 500]).unwrap_err().0, Cause::OutOfRange);
    let endless = record(r#"{"name":"again","type":"R"}"#);
    assert_eq!(read(&endless, b"").unwrap_err().0, Cause::OutOfRange);
}

#[test]
fn a_schema_that_cannot_be_used_says_why() {
    for schema in [
        "",
        "{",
        r#"{"type":"nonsense"}"#,
        r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#,
        r#"{"type":"bytes","logicalType":"decimal","precision":300,"scale":200}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"Other"}]}"#,
        &"[".repeat(100_000),
    ] {
        assert!(AvroReader::of(schema).is_err_and(|why| !why.is_empty()), "{schema}");
    }
}
