//! Two lanes that write the same orders, because their records have no keys and lie in several partitions. Whatever
//! the lanes do to each other, the table has to hold what the history merges to.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test

mod common;

use std::time::Duration;

use orders::record::Headers;
use orders::{Offset, Partition, Record};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio_postgres::Client;
use views::lane::Lane;
use views::read::{After, Cut, Filter, Order, Reader, Sort};
use views::{Database, Error, Parts, Recovery};

/// More than a batch needs for a COPY.
const MANY: usize = 600;

struct World {
    database: Database,
    sql: Client,
    reader: Reader,
    /// One for each of the partitions 0 and 1.
    lanes: [Lane; 2],
}

impl World {
    async fn new(parts: Parts) -> Self {
        let (database, url) = common::divided_database(parts).await;
        let mut lanes = ["one", "the other"].map(|owner| common::lane(&database, owner));
        for (number, lane) in lanes.iter_mut().enumerate() {
            lane.claim(&[Partition(number as i32)]).await.unwrap();
        }
        let sql = local_stack::sql_client(&url, None).await.unwrap();
        let reader = Reader::new(&database, 2, Duration::from_secs(5), Duration::from_secs(30)).unwrap();
        Self { database, sql, reader, lanes }
    }

    /// All orders, as the table has them or as the history merges to.
    async fn orders(&self, cut: Option<&Cut>) -> Vec<Order> {
        let mut all: Vec<Order> = Vec::new();
        loop {
            let after = all
                .last()
                .map(|last| After { order_id: last.order_id.clone(), last_updated: last.last_updated });
            let filter = Filter::default();
            let page =
                self.reader.orders(&filter, Sort::OrderId, after.as_ref(), 500, cut).await.unwrap().value;
            all.extend(page.rows);
            if !page.has_more {
                return all;
            }
        }
    }

    async fn check(&self, orders: usize, records: i64) {
        let counted = self.sql.query_one("SELECT count(*) FROM public.order_history", &[]).await.unwrap();
        assert_eq!(counted.get::<_, i64>(0), records);
        let cut = Cut { decision: Some(0), ..Cut::default() };
        let (table, history) = (self.orders(None).await, self.orders(Some(&cut)).await);
        assert_eq!(table.len(), orders);
        for (stored, merged) in table.iter().zip(&history) {
            assert_eq!(stored, merged);
        }
        assert_eq!(table.len(), history.len());
        common::check_totals(&self.database).await;
    }
}

/// The records of one partition.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn push(&mut self, order: usize, event: &str, sequence: i32) {
        let customer = self.0.len();
        self.0.push(format!(
            r#"{{"order_id":"O-{order:05}","event":"{event}","sequence":{sequence},"customer_id":"c{customer}","note":{customer}}}"#
        ));
    }

    fn records(&self, partition: i32) -> Vec<Record<'_>> {
        let mut records = Vec::new();
        for value in &self.0 {
            let offset = records.len() as i64;
            records.push(Record {
                partition: Partition(partition),
                offset: Offset(offset),
                // The append times of the two partitions alternate.
                appended_millis: 1_790_000_000_000 + 2 * offset + i64::from(partition),
                key: None,
                value: Some(value.as_bytes()),
                headers: Headers::default(),
            });
        }
        records
    }
}

/// Applies records in batches, again after what passes, as a consumer does. Returns how often that was.
async fn apply(lane: &mut Lane, records: &[Record<'_>], batch: usize) -> usize {
    let mut failures = 0;
    for records in records.chunks(batch) {
        while let Err(error) = lane.apply(records, &[]).await {
            assert_eq!(error.recovery(), Recovery::Retry, "{error}");
            failures += usize::from(is_deadlock(&error));
            assert!(failures < 50, "{error}");
        }
    }
    failures
}

fn is_deadlock(error: &Error) -> bool {
    error.sqlstate().is_some_and(|code| code.code() == "40P01")
}

#[tokio::test]
async fn an_order_that_is_created_twice_is_upserted() {
    for parts in common::kinds_of_parts() {
        create_twice(&mut World::new(parts).await).await;
    }
}

async fn create_twice(world: &mut World) {
    let (mut first, mut second) = (Log::default(), Log::default());
    for order in 0..MANY {
        first.push(order, "OrderCreated", 1);
        second.push(order + MANY / 2, "OrderCreated", 1);
        second.push(order + MANY / 2, "OrderPaid", 2);
    }
    let applied = world.lanes[0].apply(&first.records(0), &[]).await.unwrap();
    assert_eq!(applied.transactions, 1);
    let applied = world.lanes[1].apply(&second.records(1), &[]).await.unwrap();
    assert_eq!((applied.records, applied.dead_letters, applied.transactions), (2 * MANY, 0, 1));
    world.check(MANY + MANY / 2, 3 * MANY as i64).await;
}

#[tokio::test]
async fn what_an_update_leaves_over_is_upserted_or_merged() {
    for parts in common::kinds_of_parts() {
        leave_over(&mut World::new(parts).await).await;
    }
}

async fn leave_over(world: &mut World) {
    let (mut first, mut second) = (Log::default(), Log::default());
    for order in 0..MANY {
        first.push(order, "OrderCreated", 1);
        first.push(order, "OrderShipped", 3);
        // New orders, so that this batch is copied, too.
        second.push(10_000 + order, "OrderCreated", 1);
        // Late for every row, and for every other row a type that it has.
        second.push(order, if order % 2 == 0 { "OrderPaid" } else { "OrderShipped" }, 2);
        // Easily merged.
        second.push(order, "OrderDelivered", 4);
        // An order that has no row.
        second.push(20_000 + order, "OrderPaid", 2);
    }
    world.lanes[0].apply(&first.records(0), &[]).await.unwrap();
    world.lanes[1].apply(&second.records(1), &[]).await.unwrap();
    world.check(3 * MANY, 6 * MANY as i64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_that_wait_for_each_other_go_on_after_the_deadlock() {
    let mut world = World::new(Parts::ONE).await;
    // Both lanes have copied their new orders when they turn to those of the other lane, which they cannot see yet.
    let meet = "CREATE SEQUENCE build_1.arrivals;
        CREATE FUNCTION build_1.meet() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM nextval('build_1.arrivals');
            FOR attempt IN 1..3000 LOOP
                EXIT WHEN (SELECT last_value FROM build_1.arrivals) >= 2;
                PERFORM pg_sleep(0.01);
            END LOOP;
            RETURN NULL;
        END $$;
        CREATE TRIGGER meet AFTER INSERT ON build_1.orders FOR EACH STATEMENT EXECUTE FUNCTION build_1.meet()";
    world.sql.batch_execute(meet).await.unwrap();
    let (mut first, mut second) = (Log::default(), Log::default());
    for order in 0..MANY {
        first.push(order, "OrderCreated", 1);
        first.push(10_000 + order, "OrderPaid", 2);
        second.push(10_000 + order, "OrderCreated", 1);
        second.push(order, "OrderPaid", 2);
    }
    let [one, other] = &mut world.lanes;
    let (first, second) = (first.records(0), second.records(1));
    let (one, other) = tokio::join!(apply(one, &first, 5000), apply(other, &second, 5000));
    assert!(one + other > 0, "the lanes did not wait for each other");
    world.check(2 * MANY, 4 * MANY as i64).await;
}

/// The same order may be created, and each of its events may come, several times and in any order, in both lanes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_records_in_two_lanes_become_what_the_history_merges_to() {
    for (seed, parts) in (0..4).flat_map(|seed| common::kinds_of_parts().map(|parts| (seed, parts))) {
        let mut world = World::new(parts).await;
        let mut random = StdRng::seed_from_u64(seed);
        let mut events = Vec::new();
        for order in 0..2 * MANY {
            for (rank, event) in
                ["OrderCreated", "OrderPaid", "OrderShipped", "OrderDelivered"].iter().enumerate()
            {
                for _ in 0..random.random_range(1..=if seed % 2 == 0 { 1 } else { 2 }) {
                    events.push((order, *event, rank as i32 + random.random_range(1..=2)));
                }
            }
        }
        // Half of the runs come nearly in order, as real ones do.
        if seed < 2 {
            events.sort_by_key(|(order, _, sequence)| order / 200 * 10 + *sequence as usize);
        } else {
            events.shuffle(&mut random);
        }
        let mut logs = [Log::default(), Log::default()];
        for (order, event, sequence) in &events {
            logs[random.random_range(0..2)].push(*order, event, *sequence);
        }
        let [one, other] = &mut world.lanes;
        let (first, second) = (logs[0].records(0), logs[1].records(1));
        tokio::join!(apply(one, &first, 1500), apply(other, &second, 1500));
        world.check(2 * MANY, events.len() as i64).await;
    }
}
