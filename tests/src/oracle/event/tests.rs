//! Examples of events and their faults.

use super::*;

fn raw(value: &str) -> Raw {
    let value = Some(value.as_bytes().to_vec());
    Raw { partition: 1, offset: 7, millis: 1000, key: None, value, headers: Some(Vec::new()) }
}

fn faults(value: &str) -> Vec<&'static str> {
    decode("t", &Schemas::default(), raw(value), 1000)
        .err()
        .map(|undecodable| undecodable.faults)
        .unwrap_or_default()
}

#[test]
fn missing_fields_are_derived() {
    let event =
        decode("t", &Schemas::default(), raw(r#"{"event":"OrderPaid","order_id":"O"}"#), 1000).ok().unwrap();
    assert_eq!((event.kind.status, event.sequence, event.occurred_at), ("paid", 2, 1_000_000));
    assert_eq!((&*event.event_id, event.details), ("t-1-7", None));
}

#[test]
fn other_fields_are_details() {
    let event = decode(
        "t",
        &Schemas::default(),
        raw(r#"{"event":"OrderPaid","order_id":"O","z":null,"payment_method":"card"}"#),
        1000,
    );
    assert_eq!(event.ok().unwrap().details.as_deref(), Some(r#"{"payment_method":"card","z":null}"#));
}

#[test]
fn each_fault_is_named() {
    for (value, fault) in [
        ("", "empty_value"),
        ("{", "bad_json"),
        ("[]", "wrong_type"),
        (r#"{"event":"OrderPaid"}"#, "missing_field"),
        (r#"{"event":"OrderPaid","order_id":7}"#, "wrong_type"),
        (r#"{"event":"OrderPaid","order_id":""}"#, "out_of_range"),
        (r#"{"event":"OrderEaten","order_id":"O"}"#, "unknown_event"),
        (r#"{"event":"OrderPaid","order_id":"O","status":"pending"}"#, "status_contradicts_event"),
        (r#"{"event":"OrderPaid","order_id":"O","sequence":0}"#, "out_of_range"),
        (r#"{"event":"OrderPaid","order_id":"O","occurred_at":"noon"}"#, "out_of_range"),
        (r#"{"event":"OrderPaid","order_id":"O","x":["\u0000"]}"#, "nul_character"),
    ] {
        assert_eq!(faults(value), [fault], "{value}");
    }
}

#[test]
fn the_order_id_is_read_in_spite_of_another_fault() {
    let undecodable = decode("t", &Schemas::default(), raw(r#"{"event":"OrderEaten","order_id":"O"}"#), 1000)
        .err()
        .unwrap();
    assert_eq!(undecodable.order_id, Some(Some("O".into())));
    let undecodable =
        decode("t", &Schemas::default(), raw(r#"{"event":"OrderPaid","order_id":7}"#), 1000).err().unwrap();
    assert_eq!(undecodable.order_id, Some(None));
}
