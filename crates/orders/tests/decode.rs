//! A record's bytes become an event, or a rejection with its cause.

use orders::decode::{Envelope, MAX_MESSAGE_BYTES};
use orders::record::{Headers, push_header};
use orders::{
    Cause, Decoded, EventType, LogOrder, Offset, OrderState, Partition, Rejection, Status, Time, decode, text,
};

const APPENDED: i64 = 1_795_284_245_123;

fn envelope(headers: &[u8]) -> Envelope<'_> {
    let at =
        LogOrder { appended_at: Time::from_millis(APPENDED), partition: Partition(3), offset: Offset(7) };
    Envelope { at, key_bytes: 0, headers: Headers(headers), max_bytes: 1000 }
}

/// Headers of the name `schema-version`.
fn versions(values: &[&[u8]]) -> Vec<u8> {
    let mut headers = Vec::new();
    for value in values {
        push_header(&mut headers, b"schema-version", Some(value));
    }
    headers
}

fn read(value: &str) -> Result<Decoded<'_>, Rejection> {
    decode(envelope(&[]), Some(value.as_bytes()))
}

fn cause(value: &str) -> Cause {
    let read = read(value);
    assert!(read.is_err(), "accepted: {value}: {read:?}");
    read.map_or_else(|rejection| rejection.cause, |_| unreachable!())
}

/// An event with these members besides what is required.
fn event(name: &str, members: &str) -> String {
    format!(r#"{{"event":"{name}","order_id":"ORD-1",{members}}}"#)
}

fn fields(decoded: &Decoded<'_>) -> Vec<(String, String)> {
    decoded.fact.fields.iter().map(|(name, raw)| (name.to_owned(), raw.to_owned())).collect()
}

#[test]
fn the_minimal_form_takes_the_rest_from_the_record() {
    for event in EventType::ALL {
        let value = format!(r#"{{"event": "{event}", "order_id": "ORD-001"}}"#);
        let decoded = read(&value).unwrap();
        assert_eq!(decoded.order_id, "ORD-001");
        assert_eq!(decoded.event_id, None);
        assert_eq!(decoded.fact.event, event);
        assert_eq!(decoded.fact.sequence, event.rank());
        assert_eq!(decoded.fact.occurred_at, Time::from_millis(APPENDED));
        assert_eq!(decoded.fact.at, envelope(&[]).at);
        assert!(decoded.fact.fields.is_empty());
    }
}

#[test]
fn null_is_as_good_as_missing() {
    let value = event(
        "OrderPaid",
        r#""status":null,"event_id":null,"sequence":null,"occurred_at":null,"payment_method":null,"amount_cents":null"#,
    );
    let decoded = read(&value).unwrap();
    assert_eq!((decoded.event_id, decoded.fact.sequence), (None, 2));
    assert_eq!(cause(r#"{"event":null,"order_id":"ORD-1"}"#), Cause::MissingField);
    assert_eq!(cause(r#"{"event":"OrderPaid","order_id":null}"#), Cause::MissingField);
}

#[test]
fn everything_that_is_given_is_taken() {
    let value = event(
        "OrderPaid",
        r#""status":"paid","event_id":"e1","sequence":9,"occurred_at":"2026-11-21T19:04:05.123456+01:00","payment_method":"card""#,
    );
    let decoded = read(&value).unwrap();
    assert_eq!(decoded.event_id.as_deref(), Some("e1"));
    assert_eq!(decoded.fact.sequence, 9);
    assert_eq!(decoded.fact.occurred_at.to_string(), "2026-11-21T18:04:05.123456Z");
    assert_eq!(fields(&decoded), [("payment_method".into(), r#""card""#.into())]);
}

#[test]
fn unknown_fields_are_kept_as_they_came() {
    let value = event("OrderDelivered", r#""a" : {"b": [1, 2.50]} , "payment_method":5,"c":"\u00e9""#);
    let decoded = read(&value).unwrap();
    let kept = [("a", r#"{"b": [1, 2.50]}"#), ("payment_method", "5"), ("c", r#""\u00e9""#)];
    assert_eq!(fields(&decoded), kept.map(|(name, raw)| (name.to_owned(), raw.to_owned())));
}

#[test]
fn of_two_fields_of_one_name_the_last_counts() {
    let value = event(
        "OrderCreated",
        r#""sequence":1,"sequence":4,"customer_id":"a","customer_id":"b","x":1,"x":2,"order_id":"ORD-2""#,
    );
    let decoded = read(&value).unwrap();
    assert_eq!((&*decoded.order_id, decoded.fact.sequence), ("ORD-2", 4));
    let mut state = OrderState::default();
    state.add(decoded.fact);
    let row = state.row().unwrap();
    assert_eq!(row.customer_id.as_deref(), Some("b"));
    let details: serde_json::Value = serde_json::from_str(row.details.as_deref().unwrap()).unwrap();
    assert_eq!(details, serde_json::json!({"x": 2}));
}

#[test]
fn escapes_are_read_everywhere() {
    let value = r#"{"\u0065vent":"Order\u0050aid","order_id":"O\u0308\ud83c\udf55\n\"","status":"\u0070aid","payment_method":"c\u0061rd"}"#;
    let decoded = read(value).unwrap();
    assert_eq!(decoded.order_id, "O\u{308}🍕\n\"");
    assert_eq!(decoded.fact.event, EventType::OrderPaid);
    let mut state = OrderState::default();
    state.add(decoded.fact);
    assert_eq!(state.row().unwrap().payment_method.as_deref(), Some("card"));
}

#[test]
fn white_space_and_any_order_of_fields_are_fine() {
    let value = " {\r\n\t\"status\" : \"paid\" , \"order_id\":\"ORD-1\",\"event\":\"OrderPaid\" } \n";
    assert_eq!(read(value).unwrap().fact.event.status(), Status::Paid);
}

#[test]
fn each_cause_is_reached_by_its_own_inputs() {
    use Cause::*;
    let long = "x".repeat(129);
    let cases: Vec<(Cause, String)> = [
        (
            BadJson,
            vec!["{", "nonsense", "\u{feff}{}", r#"{"event":"OrderPaid"} x"#, r#"{"a":01}"#, "{'event':1}"],
        ),
        (BadJson, vec![r#"{"event":"OrderPaid","order_id":"\ud83d"}"#, "{\"event\":\"a\nb\"}"]),
        (WrongType, vec!["[]", "null", "1", r#""OrderPaid""#, "true"]),
        (MissingField, vec!["{}", r#"{"event":"OrderPaid"}"#, r#"{"order_id":"ORD-1"}"#]),
        (WrongType, vec![r#"{"event":1,"order_id":"a"}"#, r#"{"event":"OrderPaid","order_id":1}"#]),
        (OutOfRange, vec![r#"{"event":"OrderPaid","order_id":""}"#]),
        (UnknownEvent, vec![r#"{"event":"orderpaid","order_id":"a"}"#, r#"{"event":"","order_id":"a"}"#]),
        (NulCharacter, vec![r#"{"event":"OrderPaid","order_id":"a\u0000"}"#]),
        (NulCharacter, vec!["{\"event\":\"OrderPaid\",\"order_id\":\"a\0\"}"]),
    ]
    .into_iter()
    .flat_map(|(cause, values)| values.into_iter().map(move |value| (cause, value.to_owned())))
    .chain([
        (OutOfRange, format!(r#"{{"event":"OrderPaid","order_id":"{long}"}}"#)),
        (OutOfRange, event("OrderPaid", &format!(r#""event_id":"{long}""#))),
        (OutOfRange, event("OrderPaid", &format!(r#""payment_method":"{long}""#))),
        (OutOfRange, event("OrderCreated", &format!(r#""customer_id":"{long}""#))),
        (OutOfRange, event("OrderPaid", r#""event_id":"""#)),
    ])
    .chain(
        [
            (
                StatusContradictsEvent,
                "OrderPaid",
                vec![r#""status":"shipped""#, r#""status":"PAID""#, r#""status":"""#],
            ),
            (WrongType, "OrderPaid", vec![r#""status":1"#, r#""event_id":1"#, r#""occurred_at":1700000000"#]),
            (WrongType, "OrderPaid", vec![r#""sequence":"2""#, r#""sequence":2.0"#, r#""sequence":2e0"#]),
            (WrongType, "OrderPaid", vec![r#""sequence":[]"#, r#""sequence":true"#]),
            (
                OutOfRange,
                "OrderPaid",
                vec![r#""sequence":0"#, r#""sequence":-1"#, r#""sequence":2147483648"#],
            ),
            (OutOfRange, "OrderPaid", vec![r#""sequence":99999999999999999999999999999999999999999999"#]),
            (OutOfRange, "OrderPaid", vec![r#""occurred_at":"yesterday""#, r#""occurred_at":"2026-11-21""#]),
            (OutOfRange, "OrderPaid", vec![r#""occurred_at":"-004800-01-01T00:00:00Z""#]),
            (WrongType, "OrderPaid", vec![r#""payment_method":1"#, r#""amount_cents":"1""#]),
            (OutOfRange, "OrderPaid", vec![r#""amount_cents":-1"#, r#""amount_cents":9223372036854775808"#]),
            (
                WrongType,
                "OrderCreated",
                vec![r#""customer_id":{}"#, r#""restaurant_id":1"#, r#""currency":978"#],
            ),
            (
                WrongType,
                "OrderCreated",
                vec![r#""items":{}"#, r#""items":"pizza""#, r#""total_cents":19.00"#],
            ),
            (OutOfRange, "OrderCreated", vec![r#""total_cents":-1"#, r#""x":1e999"#, r#""x":[1e-999]"#]),
            (WrongType, "OrderShipped", vec![r#""courier_id":7"#]),
            (WrongType, "OrderCancelled", vec![r#""reason":["a"]"#]),
            (NulCharacter, "OrderPaid", vec![r#""x":"\u0000""#, r#""x\u0000":1"#, r#""x":{"\u0000":1}"#]),
            (NulCharacter, "OrderPaid", vec![r#""payment_method":"\u0000""#, r#""event_id":"\u0000""#]),
            (BadJson, "OrderPaid", vec![r#""x":"\udc00""#, r#""\ud800":1"#, r#""x":["\ud800\ud800"]"#]),
        ]
        .into_iter()
        .flat_map(|(cause, name, members)| {
            members.into_iter().map(move |members| (cause, event(name, members)))
        }),
    )
    .collect();
    for (expected, value) in cases {
        assert_eq!(cause(&value), expected, "{value}");
    }
}

#[test]
fn the_limits_themselves_are_fine() {
    let widest = "é".repeat(128);
    for (name, members) in [
        ("OrderPaid", format!(r#""sequence":1,"event_id":"{widest}","payment_method":"{widest}""#)),
        ("OrderPaid", r#""sequence":2147483647,"amount_cents":9223372036854775807"#.to_owned()),
        ("OrderCreated", r#""total_cents":0,"items":[],"x":1e308"#.to_owned()),
        ("OrderCancelled", format!(r#""reason":"{}""#, "long ".repeat(100))),
    ] {
        let value = event(name, &members);
        assert!(read(&value).is_ok(), "{value}");
    }
    assert!(read(&format!(r#"{{"event":"OrderPaid","order_id":"{widest}"}}"#)).is_ok());
}

#[test]
fn a_tombstone_and_an_empty_value_are_dead_letters() {
    for value in [None, Some(&b""[..])] {
        assert_eq!(decode(envelope(&[]), value).unwrap_err().cause, Cause::EmptyValue);
    }
    assert_eq!(cause(" "), Cause::BadJson);
}

#[test]
fn size_is_counted_in_bytes_and_read_first() {
    let fits = event("OrderPaid", &format!(r#""x":"{}""#, "a".repeat(1000 - 47)));
    assert_eq!(fits.len(), 1000);
    assert!(read(&fits).is_ok());
    assert_eq!(cause(&format!("{fits} ")), Cause::TooLarge);
    assert_eq!(cause(&"\0".repeat(1001)), Cause::TooLarge);
}

#[test]
fn key_and_headers_count_towards_the_size() {
    let value = event("OrderPaid", &format!(r#""x":"{}""#, "a".repeat(900 - 47)));
    let mut headers = Vec::new();
    push_header(&mut headers, b"name", Some(&[b'v'; 46]));
    let with_key = |key_bytes| {
        let envelope = Envelope { key_bytes, ..envelope(&headers) };
        decode(envelope, Some(value.as_bytes())).map(drop)
    };
    assert_eq!(with_key(50), Ok(()));
    let rejection = with_key(51).unwrap_err();
    assert_eq!(rejection.cause, Cause::TooLarge);
    let message = "the record has 1001 bytes (key 51, value 900, headers 50); the limit is 1000";
    assert_eq!(rejection.message, message);
    let unreadable = Envelope { headers: Headers::UNREADABLE, max_bytes: usize::MAX, ..envelope(&[]) };
    assert_eq!(decode(unreadable, Some(value.as_bytes())).unwrap_err().cause, Cause::TooLarge);
}

/// A record may have any shape: the work stays linear, and so do the memory and the message.
#[test]
fn hostile_shapes_are_read_in_linear_time() {
    const COUNT: usize = 100_000;
    let envelope = |headers| Envelope { max_bytes: usize::MAX, ..envelope(headers) };
    let mut headers = Vec::new();
    for _ in 0..COUNT {
        push_header(&mut headers, b"schema-version", Some(b"1"));
    }
    let fields: String = (0..COUNT).map(|n| format!(r#","f{}":{n}"#, n % 1000)).collect();
    let value = format!(r#"{{"event":"OrderPaid","order_id":"a"{fields}}}"#);
    let decoded = decode(envelope(&headers), Some(value.as_bytes())).unwrap();
    assert_eq!(decoded.fact.fields.iter().count(), COUNT);
    let mut state = OrderState::default();
    state.add(decoded.fact);
    assert!(state.row().unwrap().details.unwrap().len() > COUNT);

    let long = "\\u0001".repeat(COUNT);
    for value in [
        format!(r#"{{"event":"{long}","order_id":"a"}}"#),
        format!(r#"{{"event":"OrderPaid","order_id":"a","status":"{long}"}}"#),
        format!(r#"{{"event":"OrderPaid","order_id":"a","occurred_at":"{long}"}}"#),
        format!(r#"{{"event":"OrderPaid","order_id":"a","sequence":"{long}"}}"#),
        format!(r#"{{"event":"OrderPaid","order_id":"{long}"}}"#),
        format!(r#"{{"event":"OrderCreated","order_id":"a","{long}":1e999}}"#),
        format!(r#"{{"event":"OrderPaid","order_id":"a","x":{}1}}"#, r#"{"y":"#.repeat(COUNT)),
        "[".repeat(COUNT),
        r#"{"x":"#.repeat(COUNT),
    ] {
        let rejection = decode(envelope(&[]), Some(value.as_bytes())).unwrap_err();
        assert!(rejection.message.len() <= MAX_MESSAGE_BYTES, "{}", rejection.message.len());
    }
    let version = versions(&["é".repeat(COUNT).as_bytes()]);
    let rejection = decode(envelope(&version), Some(b"{}")).unwrap_err();
    assert!(rejection.message.len() <= MAX_MESSAGE_BYTES);
}

#[test]
fn nesting_has_a_limit_at_every_place() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let at = |depth| event("OrderCreated", &format!(r#""x":{}"#, nested(depth)));
    assert!(read(&at(text::MAX_DEPTH)).is_ok());
    assert_eq!(cause(&at(text::MAX_DEPTH + 1)), Cause::OutOfRange);
    assert_eq!(cause(&event("OrderPaid", &format!(r#""status":{}"#, nested(400)))), Cause::WrongType);
    assert_eq!(cause(&"[".repeat(999)), Cause::WrongType);
}

#[test]
fn schema_versions_up_to_ours_are_read() {
    let value = br#"{"event":"OrderPaid","order_id":"ORD-1"}"#;
    for known in ["1", " 1 ", "01"] {
        assert!(decode(envelope(&versions(&[known.as_bytes()])), Some(value)).is_ok(), "{known:?}");
    }
    for unknown in [&b"2"[..], b"0", b"-1", b"", b"one", b"1.0", b"\xff", b"99999999999999999999"] {
        let rejection = decode(envelope(&versions(&[b"1", unknown])), Some(value)).unwrap_err();
        assert_eq!(rejection.cause, Cause::UnknownSchemaVersion, "{unknown:?}");
    }
    assert!(decode(envelope(&versions(&[b"2", b"1"])), Some(value)).is_ok(), "the last one counts");
}

#[test]
fn bytes_that_are_no_utf_8_are_bad_json() {
    let rejection = decode(envelope(&[]), Some(b"{\"event\":\"\xff\"}")).unwrap_err();
    assert_eq!(rejection.cause, Cause::BadJson);
}

/// Whatever the id is: its bytes may be UTF-8 or not, and what follows it may be JSON or Avro.
#[test]
fn the_framing_of_a_schema_registry_has_one_cause_and_is_named() {
    let json = br#"{"event":"OrderPaid","order_id":"ORD-1"}"#;
    for (id, body) in [(1, &json[..]), (0x7b7d_2020, json), (u32::MAX, json), (100_001, b"\x02ORD")] {
        let value = [&[0], &id.to_be_bytes()[..], body].concat();
        let rejection = decode(envelope(&[]), Some(&value)).unwrap_err();
        assert_eq!(rejection.cause, Cause::BadJson, "{id}");
        assert!(rejection.message.contains(&format!("schema id {id})")), "{}", rejection.message);
    }
}

#[test]
fn a_dead_letter_names_its_order_where_it_can_be_read() {
    for (value, order_id) in [
        (r#"{"order_id":"ORD-1","event":"OrderEaten"}"#, Some("ORD-1")),
        (r#"{"event":"OrderPaid","sequence":0,"order_id":"ORD\u002d1"}"#, Some("ORD-1")),
        (r#"{"order_id":"ORD-1"}"#, Some("ORD-1")),
        (r#"{"event":"OrderPaid","order_id":""}"#, None),
        (r#"{"event":"OrderPaid","order_id":5}"#, None),
        (r#"{"order_id":"ORD-1","event":"#, None),
        ("[]", None),
    ] {
        assert_eq!(read(value).unwrap_err().order_id.as_deref(), order_id, "{value}");
    }
}

#[test]
fn messages_say_what_is_wrong_and_stay_short() {
    for (value, message) in [
        (
            event("OrderPaid", r#""status":"shipped""#),
            r#"status is "shipped", but OrderPaid makes an order "paid""#.to_owned(),
        ),
        (event("OrderPaid", r#""sequence":0"#), "sequence must be from 1 to 2147483647, but is 0".to_owned()),
        (r#"{"event":"OrderPaid"}"#.to_owned(), "order_id is missing".to_owned()),
        (
            event("OrderPaid", &format!(r#""sequence":[{}1]"#, "1,".repeat(100))),
            format!("sequence must be an integer, but is [{}1…", "1,".repeat(19)),
        ),
    ] {
        assert_eq!(read(&value).unwrap_err().message, message);
    }
}
