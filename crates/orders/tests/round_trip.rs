//! Whatever is decided can be read back, and nothing that is read ends in a panic.

use orders::decide::{Stamp, Standing, decide};
use orders::decode::Envelope;
use orders::record::Headers;
use orders::{
    Command, Item, LogOrder, NewEvent, Offset, OrderId, OrderState, Partition, Status, Time, decode,
};
use proptest::prelude::*;
use uuid::Uuid;

fn envelope(offset: i64) -> Envelope<'static> {
    let at =
        LogOrder { appended_at: Time::from_millis(offset), partition: Partition(0), offset: Offset(offset) };
    Envelope { at, key_bytes: 0, headers: Headers::default(), max_bytes: 1 << 20 }
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z]{4}-[0-9]{4}", ".{1,128}"].prop_filter("no NUL", |text| !text.contains('\0'))
}

fn item() -> impl Strategy<Value = Item> {
    ("x.{0,20}", 1..100_u32, any::<u32>()).prop_map(|(name, quantity, unit_price_cents)| Item {
        name: name.replace('\0', ""),
        quantity,
        unit_price_cents,
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => (id(), id(), prop::collection::vec(item(), 1..4), id()).prop_map(
            |(customer_id, restaurant_id, items, currency)| Command::Place { customer_id, restaurant_id, items, currency }
        ),
        2 => id().prop_map(|payment_method| Command::Pay { payment_method }),
        2 => id().prop_map(|courier_id| Command::Ship { courier_id }),
        1 => Just(Command::Deliver),
        1 => id().prop_map(|reason| Command::Cancel { reason }),
    ]
}

/// The events of the commands that were not refused.
fn decide_all(order_id: &OrderId, commands: Vec<Command>) -> Vec<NewEvent> {
    let mut standing = None;
    let mut events = Vec::new();
    for (command, micros) in commands.into_iter().zip(0..) {
        let occurred_at = Time::from_micros(micros);
        let stamp =
            Stamp { order_id: order_id.clone(), event_id: Uuid::from_u128(micros as u128), occurred_at };
        if let Ok(event) = decide(standing, command, stamp) {
            standing = Some(Standing::after(standing, &event));
            events.push(event);
        }
    }
    events
}

proptest! {
    #[test]
    fn what_was_decided_is_what_is_read(
        order_id in id(),
        first in command(),
        commands in prop::collection::vec(command(), 0..8),
    ) {
        let order_id = OrderId::parse(&order_id).unwrap();
        let events = decide_all(&order_id, std::iter::once(first).chain(commands).collect());
        let values: Vec<Vec<u8>> = events
            .iter()
            .map(|event| {
                let mut out = Vec::new();
                event.write_json(&mut out).unwrap();
                out
            })
            .collect();
        let mut state = OrderState::default();
        let mut standing = None;
        for ((event, value), offset) in events.iter().zip(&values).zip(0..) {
            let decoded = decode(envelope(offset), Some(value)).unwrap();
            prop_assert_eq!(&*decoded.order_id, order_id.as_str());
            prop_assert_eq!(decoded.event_id.map(String::from), Some(event.event_id.to_string()));
            prop_assert_eq!(decoded.fact.event, event.event());
            prop_assert_eq!(decoded.fact.sequence, event.sequence);
            prop_assert_eq!(decoded.fact.occurred_at, event.occurred_at);
            state.add(decoded.fact);
            standing = Some(Standing::after(standing, event));
        }
        // Deciding on the folded row is deciding on the events.
        prop_assert_eq!(state.row().as_ref().map(Standing::from), standing);
    }

    #[test]
    fn no_bytes_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(envelope(0), Some(&value));
    }

    #[test]
    fn no_almost_valid_record_makes_it_panic(
        at in 0..300_usize,
        cut in 0..8_usize,
        patch in prop_oneof![
            Just("\\".to_owned()), Just("\"".to_owned()), Just("\\u0000".to_owned()), Just("\\ud800".to_owned()),
            Just("[[[".to_owned()), Just("]}".to_owned()), Just("-".to_owned()), Just("1e".to_owned()), ".{0,6}",
        ],
    ) {
        let mut value = r#"{"event":"OrderCreated","order_id":"ORD-000123","status":"pending","event_id":"x","sequence":1,"occurred_at":"2026-11-21T18:04:05.123Z","customer_id":"CUST-0042","restaurant_id":"REST-007","items":[{"name":"Margherita","quantity":2,"unit_price_cents":950}],"total_cents":1900,"currency":"EUR"}"#.as_bytes().to_vec();
        let start = at.min(value.len());
        let end = (start + cut).min(value.len());
        value.splice(start..end, patch.bytes());
        if let Ok(decoded) = decode(envelope(0), Some(&value)) {
            let mut state = OrderState::default();
            state.add(decoded.fact);
            let row = state.row().unwrap();
            prop_assert_eq!(row.status, Status::Pending);
            // What goes into a `jsonb` column is JSON that every reader holds.
            if let Some(details) = row.details {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&details).is_ok(), "{}", details);
            }
        }
    }

    #[test]
    fn a_field_that_is_accepted_is_json_that_every_reader_holds(raw in "[\\[{\":,0-9eE.+a\\\\u-]{0,12}") {
        let value = format!(r#"{{"event":"OrderCreated","order_id":"a","x":{raw}}}"#);
        if decode(envelope(0), Some(value.as_bytes())).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&value).is_ok(), "{}", value);
        }
    }
}
