//! Records that were written with a schema of a registry.
#![allow(clippy::unwrap_used)] // a test

mod common;

use orders::record::Headers;
use orders::{Offset, Partition, Record, SchemaId, SchemaText};
use views::apply::Codec;

const PARTITION: Partition = Partition(0);

/// Each item of the list takes a byte, and a hundred as JSON.
fn wide() -> SchemaText {
    let item = format!(
        r#"{{"type":"record","name":"I","fields":[{{"name":"{}","type":"boolean"}}]}}"#,
        "x".repeat(90)
    );
    let text = format!(
        r#"{{"type":"record","name":"E","fields":[{{"name":"event","type":"string"}},
            {{"name":"order_id","type":"string"}},{{"name":"list","type":{{"type":"array","items":{item}}}}}]}}"#
    );
    SchemaText { schema_type: "AVRO".into(), text, has_references: false }
}

/// 80 records of 6 kB become 48 MB of JSON: they must not all be in the memory at a time.
#[tokio::test]
async fn records_that_are_large_as_json_are_applied_in_parts() {
    const RECORDS: usize = 80;
    let (database, url) = common::database().await;
    let codec = Codec::new("food-orders", 1_000_000);
    codec.schemas.change(|known| known.add(SchemaId(7), &wide()));
    let mut lane = common::lane_with(&database, "the test", codec);
    lane.claim(&[PARTITION]).await.unwrap();
    let mut value = b"\0\0\0\0\x07\x12OrderPaid\x0aORD-1".to_vec();
    value.extend(b"\xe0\x5d"); // a block of 6000
    value.resize(value.len() + 6000, 1);
    value.push(0);
    let record = |offset| Record {
        partition: PARTITION,
        offset: Offset(offset as i64),
        appended_millis: 1_700_000_000_000,
        key: None,
        value: Some(&value),
        headers: Headers::default(),
    };
    let records: Vec<_> = (0..RECORDS).map(record).collect();
    let applied = lane.apply(&records, &[]).await.unwrap();
    assert_eq!((applied.records, applied.dead_letters), (RECORDS, 0));
    assert!((3..RECORDS).contains(&applied.transactions), "{applied:?}");
    let sql = local_stack::sql_client(&url, None).await.unwrap();
    let sizes = "SELECT count(*), min(octet_length(details::text)) FROM public.order_history";
    let row = sql.query_one(sizes, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), RECORDS as i64);
    assert!(row.get::<_, i32>(1) > 500_000);
}
