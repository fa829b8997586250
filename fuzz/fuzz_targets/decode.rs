//! Any value, plain or behind the id of a schema, with any headers is an event or a rejection; an event folds into a row that can be written and read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orders::decode::{Envelope, MAX_MESSAGE_BYTES};
use orders::fold::Fields;
use orders::record::Headers;
use orders::schema::order_event::{AVRO, JSON};
use orders::{LogOrder, Offset, OrderState, Partition, SchemaId, SchemaText, Schemas, Texts, Time, decode_with};

/// With the ids 1 and 2.
fn schemas() -> Schemas {
    let mut schemas = Schemas::default();
    for (id, schema_type, text) in [(1, "JSON", JSON), (2, "AVRO", AVRO)] {
        let schema = SchemaText { schema_type: schema_type.into(), text: text.into(), has_references: false };
        schemas.add(SchemaId(id), &schema);
    }
    schemas
}

// A panic is a finding: what is expected here must hold for all data.
//
// The first two bytes say how many of the following ones are the block of headers, the next eight are the append
// time, and the rest is the value.
fuzz_target!(|data: &[u8]| {
    let Some((length, data)) = data.split_first_chunk::<2>() else { return };
    let Some((millis, data)) = data.split_first_chunk::<8>() else { return };
    let headers = usize::from(u16::from_le_bytes(*length)).min(data.len());
    let (headers, value) = data.split_at(headers);
    let at = LogOrder {
        appended_at: Time::from_millis(i64::from_le_bytes(*millis)),
        partition: Partition(0),
        offset: Offset(0),
    };
    let envelope = Envelope { at, key_bytes: 0, headers: Headers(headers), max_bytes: 1 << 20 };
    thread_local!(static SCHEMAS: Schemas = schemas());
    let texts = Texts::default();
    match SCHEMAS.with(|schemas| decode_with(schemas, &texts, envelope, Some(value))) {
        Err(rejection) => assert!(rejection.message.len() <= MAX_MESSAGE_BYTES),
        Ok(decoded) => {
            let _ = (decoded.fact.occurred_at.to_string(), decoded.fact.occurred_at.to_postgres());
            let mut details = String::from("{");
            decoded.fact.fields.write_members(&mut details);
            details.push('}');
            assert_eq!(Fields::from_object(&details).expect("what was written"), decoded.fact.fields);
            let mut state = OrderState::default();
            state.add(decoded.fact.clone());
            let row = state.row().expect("a row");
            let sequence = row.sequence;
            if let Some(details) = row.details {
                serde_json::from_str::<serde_json::Value>(&details).expect("JSON that every reader holds");
            }
            state.add(decoded.fact);
            assert_eq!(state.row().expect("a row").sequence, sequence);
        }
    }
});
