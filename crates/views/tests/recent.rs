//! The list of the orders that were updated last: found by the records that updated them, it has to be the list that
//! sorting all orders makes.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use orders::record::Headers;
use orders::{EventType, Offset, Partition, Record, Status, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_postgres::Client;
use views::Parts;
use views::read::{After, Filter, Reader, Sort};

/// A record of the log; its offset is its index.
#[derive(Clone, Debug)]
struct Given {
    order: usize,
    event: EventType,
    sequence: i32,
    /// In seconds.
    occurred: i64,
}

impl Given {
    fn id(&self) -> String {
        format!("O-{:03}", self.order)
    }

    fn occurred_at(&self) -> Time {
        Time::from_millis(self.occurred * 1000)
    }
}

/// When records occur: one after the other, all at a few times, in any order, or as before but long ago, as where old
/// records are read again.
fn occurred(number: i64) -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => Just(1_800_000_000 + number),
        4 => 1_800_000_000..1_800_000_004_i64,
        4 => 1_800_000_000..1_800_000_300_i64,
        2 => Just(1_700_000_000 + number),
        1 => 4_000_000_000..4_000_000_003_i64,
    ]
}

fn records() -> impl Strategy<Value = Vec<Given>> {
    let orders = prop_oneof![Just(3_usize), Just(30), Just(300)];
    (orders, 0..400_i64).prop_flat_map(|(orders, count)| {
        (0..count)
            .map(|number| {
                (0..orders, 0..5_usize, 1..6_i32, occurred(number)).prop_map(
                    |(order, event, sequence, occurred)| Given {
                        order,
                        event: EventType::ALL[event],
                        sequence,
                        occurred,
                    },
                )
            })
            .collect::<Vec<_>>()
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    id: String,
    last_updated: Time,
    status: Status,
}

/// The orders with the record of the highest sequence each, of several the first one.
fn listed(records: &[Given], status: Option<Status>) -> Vec<Listed> {
    let mut latest = BTreeMap::<String, &Given>::new();
    for record in records {
        let entry = latest.entry(record.id()).or_insert(record);
        if record.sequence > entry.sequence {
            *entry = record;
        }
    }
    let mut all: Vec<_> = latest
        .into_iter()
        .map(|(id, record)| Listed { id, last_updated: record.occurred_at(), status: record.event.status() })
        .filter(|order| status.is_none_or(|status| order.status == status))
        .collect();
    all.sort_by(|a, b| b.last_updated.cmp(&a.last_updated).then(a.id.cmp(&b.id)));
    all
}

struct World {
    sql: Client,
    reader: Reader,
    parts: Parts,
}

impl World {
    async fn new(parts: Parts) -> Self {
        let (database, url) = common::divided_database(parts).await;
        let sql = local_stack::sql_client(&url, None).await.unwrap();
        let reader = Reader::new(&database, 2, Duration::from_secs(5), Duration::from_secs(10)).unwrap();
        Self { sql, reader, parts }
    }

    /// With `padding` characters more in each row, the records lie on more pages.
    async fn give(&self, records: &[Given], padding: i32, is_summarised: bool) {
        let offsets: Vec<_> = (0..records.len() as i64).collect();
        let ids: Vec<_> = records.iter().map(Given::id).collect();
        let events: Vec<_> = records.iter().map(|record| record.event.code() as i8).collect();
        let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
        let times: Vec<_> = records.iter().map(|record| record.occurred).collect();
        self.sql.batch_execute("TRUNCATE build_1.order_history, build_1.orders").await.unwrap();
        self.sql
            .execute(
                "INSERT INTO build_1.order_history (partition, \"offset\", order_id, event, sequence, other_event_id, occurred_at, appended_at)
                 SELECT 0, n, id, event, sequence, repeat('x', $6), to_timestamp(time), to_timestamp(n)
                 FROM unnest($1::bigint[], $2::text[], $3::\"char\"[], $4::int[], $5::bigint[]) AS r (n, id, event, sequence, time)
                 ORDER BY n",
                &[&offsets, &ids, &events, &sequences, &times, &padding],
            )
            .await
            .unwrap();
        // Only the tested statement has to know more than this about the records that count.
        self.sql
            .batch_execute(
                "INSERT INTO build_1.orders (order_id, status, last_updated, sequence, first_sequence, winners)
                 SELECT DISTINCT ON (order_id) order_id, event, occurred_at, sequence, 1, ''
                 FROM build_1.order_history ORDER BY order_id, sequence DESC, \"offset\"",
            )
            .await
            .unwrap();
        if is_summarised {
            summarise(&self.sql, self.parts).await;
        }
    }

    async fn in_pages(&self, status: Option<Status>, limit: i64) -> Vec<Listed> {
        let filter = Filter { status, ..Filter::default() };
        let mut all = Vec::<Listed>::new();
        loop {
            let after =
                all.last().map(|last| After { order_id: last.id.clone(), last_updated: last.last_updated });
            let sort = Sort::LastUpdatedDescending;
            let page = self.reader.orders(&filter, sort, after.as_ref(), limit, None).await.unwrap().value;
            let is_last = !page.has_more;
            all.extend(page.rows.into_iter().map(|order| Listed {
                status: Status::ALL.into_iter().find(|status| status.as_str() == order.status).unwrap(),
                id: order.order_id,
                last_updated: order.last_updated,
            }));
            if is_last {
                return all;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_orders_are_those_of_a_sorted_table() {
    for parts in common::kinds_of_parts() {
        expect_a_sorted_table(&World::new(parts).await);
    }
}

fn expect_a_sorted_table(world: &World) {
    // Rows of this length are kept as they are, four on a page.
    let padding = prop_oneof![Just(0), Just(1900)];
    let given = (records(), padding, any::<bool>(), 1..40_i64);
    let runtime = tokio::runtime::Handle::current();
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&given, |(records, padding, is_summarised, limit)| {
            runtime.block_on(async {
                world.give(&records, padding, is_summarised).await;
                for status in [None, Some(Status::Paid)] {
                    let expected = listed(&records, status);
                    prop_assert_eq!(world.in_pages(status, limit).await, expected);
                }
                Ok(())
            })
        })
    });
    if let Err(error) = outcome {
        unreachable!("{error}");
    }
}

/// So that the test above does not pass because all orders are sorted after all: this one has no record, and is
/// overlooked.
#[tokio::test]
async fn a_full_page_is_found_without_looking_at_all_orders() {
    for parts in [Parts::ONE, Parts::try_from(Parts::MOST).unwrap()] {
        let world = World::new(parts).await;
        for limit in [2, 5, 50] {
            expect_full_pages(&world, limit).await;
        }
    }
}

async fn expect_full_pages(world: &World, limit: usize) {
    let records: Vec<_> = (0..3000)
        .map(|number| Given {
            order: number,
            event: EventType::OrderPaid,
            sequence: 2,
            occurred: 1_800_000_000 + number as i64,
        })
        .collect();
    world.give(&records, 0, true).await;
    world
        .sql
        .batch_execute(
            "INSERT INTO build_1.orders (order_id, status, last_updated, sequence, first_sequence, winners)
             VALUES ('no record', 'P', '2030-01-01', 2, 2, '')",
        )
        .await
        .unwrap();
    let sort = Sort::LastUpdatedDescending;
    for status in [None, Some(Status::Paid)] {
        let filter = Filter { status, ..Filter::default() };
        let mut after = None;
        for page in 0..20 {
            let orders = world
                .reader
                .orders(&filter, sort, after.as_ref(), limit as i64, None)
                .await
                .unwrap()
                .value
                .rows;
            let ids: Vec<_> = orders.iter().map(|order| order.order_id.clone()).collect();
            let expected: Vec<_> =
                records.iter().rev().skip(page * limit).take(limit).map(Given::id).collect();
            assert_eq!(ids, expected);
            after = orders
                .last()
                .map(|last| After { order_id: last.order_id.clone(), last_updated: last.last_updated });
        }
    }
}

/// How many ranges of pages, the last one of each part that is not full included, have no summary yet.
async fn summarise(sql: &Client, parts: Parts) -> i32 {
    let mut ranges = 0;
    for part in parts.iter() {
        let summarise = format!("SELECT brin_summarize_new_values('build_1.order_history{part}_times')");
        ranges += sql.query_one(&summarise, &[]).await.unwrap().get::<_, i32>(0);
    }
    ranges
}

#[tokio::test]
async fn a_lane_summarises_what_it_has_written() {
    for parts in common::kinds_of_parts() {
        expect_summaries(parts).await;
    }
}

async fn expect_summaries(parts: Parts) {
    const RECORDS: usize = 40_000;
    let (database, url) = common::divided_database(parts).await;
    let sql = local_stack::sql_client(&url, None).await.unwrap();
    let mut other = local_stack::sql_client(&url, None).await.unwrap();
    // Autovacuum takes the lock that this test is about, at moments of its own.
    for part in parts.iter() {
        let no_autovacuum = format!("ALTER TABLE build_1.order_history{part} SET (autovacuum_enabled = off)");
        sql.batch_execute(&no_autovacuum).await.unwrap();
    }
    let mut lane = common::lane(&database, "the test");
    lane.claim(&[Partition(0)]).await.unwrap();
    let values: Vec<_> = (0..RECORDS)
        .map(|order| format!(r#"{{"event":"OrderCreated","order_id":"O-{order:05}"}}"#))
        .collect();
    let records: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(offset, value)| Record {
            partition: Partition(0),
            offset: Offset(offset as i64),
            appended_millis: 1_790_000_000_000 + offset as i64,
            key: None,
            value: Some(value.as_bytes()),
            headers: Headers::default(),
        })
        .collect();
    let (first, second) = records.split_at(RECORDS * 2 / 3);
    // What VACUUM holds.
    let vacuum = other.transaction().await.unwrap();
    vacuum.batch_execute("LOCK TABLE build_1.order_history IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
    lane.apply(first, &[]).await.unwrap();
    vacuum.rollback().await.unwrap();
    lane.apply(second, &[]).await.unwrap();
    assert!(summarise(&sql, parts).await <= i32::from(parts.count()));
    for part in parts.iter() {
        let pages = format!("SELECT pg_relation_size('build_1.order_history{part}') / 8192");
        let pages: i64 = sql.query_one(&pages, &[]).await.unwrap().get(0);
        assert!(pages > 2 * 32, "{part}: {pages}");
    }
}
