//! Large batches, whose new orders are copied while the known ones are updated. A row is the merge of all records of its
//! order, however it was written.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::collections::BTreeMap;
use std::ops::Range;

use orders::record::Headers;
use orders::{Offset, OrderState, Partition, Record, decode, print_object};
use tokio_postgres::Client;
use views::apply::envelope;
use views::lane::Lane;
use views::rebuild::{OrderContent, OrderScan, OrderSet};
use views::{Build, Database, Session, SessionKind};

const PARTITION: Partition = Partition(0);

/// More orders than are upserted.
const MANY: u32 = 600;

struct World {
    database: Database,
    sql: Client,
    session: Session,
    lane: Lane,
    /// By offset.
    values: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let (database, url) = common::database().await;
        let mut lane = common::lane(&database, "the test");
        lane.claim(&[PARTITION]).await.unwrap();
        Self {
            session: database.session("test", SessionKind::Short).await.unwrap(),
            sql: local_stack::sql_client(&url, None).await.unwrap(),
            lane,
            values: Vec::new(),
            database,
        }
    }

    async fn apply(&mut self, values: impl IntoIterator<Item = String>) {
        let first = self.values.len();
        self.values.extend(values);
        let records: Vec<_> = records(&self.values).skip(first).collect();
        self.lane.apply(&records, &[]).await.unwrap();
        self.check().await;
    }

    async fn check(&self) {
        let mut states = BTreeMap::<String, OrderState<'_>>::new();
        for record in records(&self.values) {
            let decoded = decode(envelope(&record, usize::MAX), record.value).unwrap();
            states.entry(decoded.order_id.into_owned()).or_default().add(decoded.fact);
        }
        let all = OrderSet::Range { from: None, to: None };
        let mut found = OrderScan::open(&self.session, Build(1), &all).await.unwrap();
        for (order_id, state) in &states {
            let order = found.next().await.unwrap().unwrap();
            assert_eq!(order.order_id().unwrap(), order_id);
            let (found, expected) = (order.content().unwrap(), OrderContent::of(state).unwrap());
            assert_eq!(found.winners, expected.winners, "{order_id}");
            assert_eq!(comparable(found), comparable(expected), "{order_id}");
        }
        assert!(found.next().await.unwrap().is_none());
        common::check_totals(&self.database).await;
    }
}

/// The details as `jsonb` would print them.
fn comparable(content: OrderContent<'_>) -> orders::OrderRow<'_> {
    let mut row = content.row;
    row.details = row.details.map(|details| print_object(&details).unwrap());
    row
}

fn records(values: &[String]) -> impl Iterator<Item = Record<'_>> {
    values.iter().enumerate().map(|(offset, value)| Record {
        partition: PARTITION,
        offset: Offset(offset as i64),
        appended_millis: 1_790_000_000_000 + offset as i64,
        key: None,
        value: Some(value.as_bytes()),
        headers: Headers::default(),
    })
}

fn event(name: &str, order: u32, sequence: u32) -> String {
    format!(
        r#"{{"event":"{name}","order_id":"O-{order:04}","sequence":{sequence},"note":"{name} {sequence}","n{sequence}":1}}"#
    )
}

fn created(orders: Range<u32>) -> impl Iterator<Item = String> {
    orders.map(|order| event("OrderCreated", order, 1))
}

/// The rest of the batch is applied over the same session.
#[tokio::test]
async fn a_record_that_postgresql_refuses_among_many_new_orders() {
    let mut world = World::new().await;
    let refuse = "ALTER TABLE build_1.order_history ADD CHECK (order_id NOT IN ('O-0003', 'O-1500'))";
    world.sql.batch_execute(refuse).await.unwrap();
    let values: Vec<_> = created(0..3 * MANY).collect();
    let records: Vec<_> = records(&values).collect();
    let session = "SELECT pid FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'food-orders lane'";
    let before: i32 = world.sql.query_one(session, &[]).await.unwrap().get(0);
    let applied = world.lane.apply(&records, &[]).await.unwrap();
    assert_eq!((applied.records, applied.dead_letters), (values.len() - 2, 2));
    let after: i32 = world.sql.query_one(session, &[]).await.unwrap().get(0);
    assert_eq!(after, before);
    common::check_totals(&world.database).await;
}

#[tokio::test]
async fn known_orders_among_many_new_ones() {
    let mut world = World::new().await;
    world.apply(created(0..MANY)).await;
    world.apply([event("OrderDelivered", 3, 4), event("OrderPaid", 4, 2)]).await;
    let among_them = [
        event("OrderPaid", 1, 2),
        event("OrderShipped", 2, 3),
        event("OrderCancelled", 2, 5),
        // Late, the same event again, one that loses, and one of an order that nobody has created.
        event("OrderPaid", 3, 2),
        event("OrderPaid", 4, 3),
        event("OrderPaid", 4, 1),
        event("OrderPaid", 9000, 2),
    ];
    world.apply(created(MANY..2 * MANY).chain(among_them)).await;
}

#[tokio::test]
async fn an_order_that_is_created_again_among_many_new_ones() {
    let mut world = World::new().await;
    world.apply(created(0..MANY)).await;
    world.apply([event("OrderPaid", 7, 2)]).await;
    for round in 1..4 {
        let again =
            [event("OrderCreated", 7, 1), event("OrderCreated", 8, round + 1), event("OrderPaid", 9, 2)];
        world.apply(created(round * MANY..(round + 1) * MANY).chain(again)).await;
    }
}
