//! An event leads to the same rows, whether it was written as JSON, as JSON with a schema, or as Avro.

use orders::decode::Envelope;
use orders::record::Headers;
use orders::schema::order_event::{AVRO, AvroWriter, JSON};
use orders::schema::push_framing;
use orders::{
    Attributes, Decoded, Item, LogOrder, NewEvent, Offset, OrderId, OrderState, Partition, Rejection,
    SchemaId, SchemaText, Schemas, Texts, Time, decode, decode_with, print_object,
};
use proptest::prelude::*;
use uuid::Uuid;

const JSON_ID: SchemaId = SchemaId(1);
const AVRO_ID: SchemaId = SchemaId(70_000);

fn schemas() -> Schemas {
    let schema = |schema_type: &str, text: &str| SchemaText {
        schema_type: schema_type.into(),
        text: text.into(),
        has_references: false,
    };
    let mut schemas = Schemas::default();
    schemas.add(JSON_ID, &schema("JSON", JSON));
    schemas.add(AVRO_ID, &schema("AVRO", AVRO));
    schemas
}

fn envelope() -> Envelope<'static> {
    let at = LogOrder { appended_at: Time::from_millis(5), partition: Partition(1), offset: Offset(2) };
    Envelope { at, key_bytes: 0, headers: Headers::default(), max_bytes: 1 << 20 }
}

fn framed(id: SchemaId, payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    push_framing(&mut value, id);
    value.extend(payload);
    value
}

/// What the tables hold of an event: its order, its id, the columns of the order's row, and the history's details.
fn rows(decoded: Result<Decoded<'_>, Rejection>) -> Result<[String; 4], Rejection> {
    let decoded = decoded?;
    let mut details = String::from("{");
    decoded.fact.fields.write_members(&mut details);
    details.push('}');
    let mut state = OrderState::default();
    state.add(decoded.fact.clone());
    let row = state.row().map(|mut row| {
        let own = row.details.take().map(|details| printed(&details));
        format!("{row:?} {own:?}")
    });
    let event_id = decoded.event_id.map(String::from);
    Ok([decoded.order_id.into(), format!("{event_id:?}"), format!("{row:?}"), printed(&details)])
}

fn printed(object: &str) -> String {
    print_object(object).unwrap_or_else(|error| format!("{object} cannot be printed: {error}"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z]{4}-[0-9]{4}", ".{1,128}"].prop_map(|text| text.replace('\0', "\u{1}"))
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let item = ("x.{0,20}", 1..100_u32, any::<u32>()).prop_map(|(name, quantity, unit_price_cents)| Item {
        name: name.replace('\0', ""),
        quantity,
        unit_price_cents,
    });
    let cents = 0..=i64::MAX;
    prop_oneof![
        (text(), text(), prop::collection::vec(item, 0..4), cents.clone(), text()).prop_map(
            |(customer_id, restaurant_id, items, total_cents, currency)| Attributes::Created {
                customer_id,
                restaurant_id,
                items,
                total_cents,
                currency
            }
        ),
        (text(), prop::option::of(cents))
            .prop_map(|(payment_method, amount_cents)| Attributes::Paid { payment_method, amount_cents }),
        text().prop_map(|courier_id| Attributes::Shipped { courier_id }),
        Just(Attributes::Delivered),
        text().prop_map(|reason| Attributes::Cancelled { reason }),
    ]
}

proptest! {
    #[test]
    fn the_three_formats_lead_to_the_same_rows(
        order_id in text(),
        event_id in any::<u128>(),
        sequence in 1..=i32::MAX,
        micros in Time::MIN.as_micros()..=Time::MAX.as_micros(),
        attributes in attributes(),
    ) {
        let event = NewEvent {
            order_id: OrderId::parse(&order_id).unwrap(),
            event_id: Uuid::from_u128(event_id),
            sequence,
            occurred_at: Time::from_micros(micros),
            attributes,
        };
        let mut json = Vec::new();
        event.write_json(&mut json).unwrap();
        let with_schema = framed(JSON_ID, &json);
        let avro = framed(AVRO_ID, &AvroWriter::new().unwrap().write(&event).unwrap());
        let (schemas, texts) = (schemas(), Texts::default());
        let plain = rows(decode(envelope(), Some(&json)));
        prop_assert!(plain.is_ok(), "{plain:?}");
        for value in [&json, &with_schema, &avro] {
            prop_assert_eq!(&rows(decode_with(&schemas, &texts, envelope(), Some(value))), &plain);
        }
    }

    #[test]
    fn no_bytes_behind_a_schema_make_it_panic(payload in prop::collection::vec(any::<u8>(), 1..200)) {
        let (schemas, texts) = (schemas(), Texts::default());
        for id in [JSON_ID, AVRO_ID, SchemaId(9)] {
            let _ = decode_with(&schemas, &texts, envelope(), Some(&framed(id, &payload)));
        }
    }
}

#[test]
fn what_is_wrong_with_an_event_has_the_same_cause_in_each_format() {
    let avro = r#"{"type":"record","name":"E","fields":[
        {"name":"event","type":["null","string"]},{"name":"order_id","type":["null","string","int"]}]}"#;
    let mut schemas = schemas();
    let schema = SchemaText { schema_type: "AVRO".into(), text: avro.into(), has_references: false };
    schemas.add(SchemaId(2), &schema);
    let texts = Texts::default();
    let read = |value: &[u8]| {
        decode_with(&schemas, &texts, envelope(), Some(value.to_vec().leak())).map(drop).unwrap_err()
    };
    for (json, avro) in [
        (r#"{"event":"OrderPaid"}"#, &b"\x02\x12OrderPaid\x00"[..]),
        (r#"{"event":"OrderPaid","order_id":7}"#, b"\x02\x12OrderPaid\x04\x0e"),
        (r#"{"event":"OrderEaten","order_id":"A"}"#, b"\x02\x14OrderEaten\x02\x02A"),
        (r#"{"order_id":"A"}"#, b"\x00\x02\x02A"),
    ] {
        let plain = decode(envelope(), Some(json.as_bytes())).map(drop).unwrap_err();
        assert_eq!(read(&framed(JSON_ID, json.as_bytes())), plain);
        assert_eq!(read(&framed(SchemaId(2), avro)), plain);
    }
}
