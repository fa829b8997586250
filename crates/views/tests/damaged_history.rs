//! Rows of the history that no version of the program writes. Reading one always results in an error that
//! names the record, never in an empty value.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test

mod common;

use std::fmt::{Debug, Display};
use std::time::Duration;

use orders::record::Headers;
use orders::{Offset, OrderId, Partition, Position, Record, Status};
use tokio_postgres::Client;
use views::history::HistoryRow;
use views::lane::Lane;
use views::read::{Cut, Filter, Reader, Sort};
use views::rebuild::{HistoryScan, LogRows, OrderGroups, OrderSet};
use views::{Build, Session, SessionKind};

const BUILD: Build = Build(1);
const PARTITION: Partition = Partition(0);

/// Applied to the record at offset 1, which gives order A its status and its fields.
const DAMAGES: [&str; 5] =
    ["details = '[1]'", "details = '\"text\"'", "details = '7'", "details = 'no json'", "event = 'Q'"];

/// PostgreSQL's own error does not say in which record it is, so a list cannot name that.
const HALF_AN_OBJECT: &str = "details = '{\"note\": '";

struct World {
    sql: Client,
    session: Session,
    reader: Reader,
    lane: Lane,
}

impl World {
    /// Order A, created and paid, at offsets 0 and 1.
    async fn new() -> Self {
        let (database, url) = common::database().await;
        let mut lane = common::lane(&database, "the test");
        lane.claim(&[PARTITION]).await.unwrap();
        let created = r#"{"event":"OrderCreated","order_id":"A","sequence":1,"customer_id":"c"}"#;
        let paid = r#"{"event":"OrderPaid","order_id":"A","sequence":4,"payment_method":"card","note":"n"}"#;
        lane.apply(&[record(0, created), record(1, paid)], &[]).await.unwrap();
        Self {
            sql: local_stack::sql_client(&url, None).await.unwrap(),
            session: database.session("test", SessionKind::Short).await.unwrap(),
            reader: Reader::new(&database, 2, Duration::from_secs(5), Duration::from_secs(10)).unwrap(),
            lane,
        }
    }

    async fn damage(&self, assignment: &str) {
        let statement = format!("UPDATE build_1.order_history SET {assignment} WHERE \"offset\" = 1");
        assert_eq!(self.sql.execute(&statement, &[]).await.unwrap(), 1);
    }

    /// Folds the history order by order, as deriving and verifying do.
    async fn fold(&self) -> views::Result<usize> {
        let mut groups =
            OrderGroups::open(&self.session, BUILD, &OrderSet::Range { from: None, to: None }).await?;
        let mut orders = 0;
        while let Some(group) = groups.next().await? {
            group.fold()?;
            orders += 1;
        }
        Ok(orders)
    }

    /// Reads the history in bulk, as verifying does.
    async fn scan(&self) -> views::Result<usize> {
        let (from, to) = (Position::START, Position(10));
        let mut scan = HistoryScan::stretch(&self.session, BUILD, LogRows::All, PARTITION, from, to).await?;
        let mut facts = 0;
        while let Some(row) = scan.next().await? {
            HistoryRow::of(&row)?.fact_row.fact()?;
            facts += 1;
        }
        Ok(facts)
    }
}

fn record(offset: i64, value: &str) -> Record<'_> {
    Record {
        partition: PARTITION,
        offset: Offset(offset),
        appended_millis: 1_790_000_000_000 + offset,
        key: None,
        value: Some(value.as_bytes()),
        headers: Headers::default(),
    }
}

fn names_the_record<T: Debug, E: Display + Debug>(what: &str, damage: &str, result: Result<T, E>) {
    let answer = result.map_err(|error| error.to_string());
    let names_it = answer.as_ref().is_err_and(|error| error.contains("partition 0, offset 1"));
    assert!(names_it, "{what} with {damage}: {answer:?}");
}

#[tokio::test]
async fn every_reader_names_the_record() {
    let mut world = World::new().await;
    let id = OrderId::parse("A").unwrap();
    let cut = Cut { decision: Some(0), ..Cut::default() };
    let filter = Filter::default();
    let details: String = world
        .sql
        .query_one("SELECT details::text FROM build_1.order_history WHERE \"offset\" = 1", &[])
        .await
        .unwrap()
        .get(0);
    for damage in [HALF_AN_OBJECT].into_iter().chain(DAMAGES) {
        world.damage(damage).await;
        let reader = &world.reader;
        names_the_record("an order as of a cut", damage, reader.order(&id, Some(&cut)).await);
        for sort in [Sort::OrderId, Sort::OrderIdDescending, Sort::LastUpdatedDescending] {
            let list = reader.orders(&filter, sort, None, 10, Some(&cut)).await;
            match damage {
                HALF_AN_OBJECT => assert!(list.is_err(), "{list:?}"),
                damage => names_the_record("a list as of a cut", damage, list),
            }
        }
        if damage.starts_with("event") {
            let stats = reader.stats(Some(&cut)).await.map_err(|error| error.to_string());
            assert!(stats.as_ref().is_err_and(|error| error.contains("order \"A\"")), "{stats:?}");
        }
        names_the_record("a history", damage, reader.history(&id, None, 10, None).await);
        let after = reader.history(&id, None, 1, None).await.unwrap().value.records[0].at;
        let page = reader.history(&id, Some(after), 10, None).await;
        names_the_record("a later page of a history", damage, page);
        names_the_record("the fold", damage, world.fold().await);
        names_the_record("the scan", damage, world.scan().await);
        // This record is late, so the upsert leaves its order to be merged with what the history says.
        let late = r#"{"event":"OrderShipped","order_id":"A","sequence":2}"#;
        names_the_record("a refold", damage, world.lane.apply(&[record(2, late)], &[]).await);
        world.damage(&format!("event = 'P', details = '{details}'")).await;
        assert_eq!((world.fold().await.unwrap(), world.scan().await.unwrap()), (1, 2));
    }
    let late = r#"{"event":"OrderShipped","order_id":"A","sequence":2}"#;
    world.lane.apply(&[record(2, late)], &[]).await.unwrap();
    assert_eq!(world.scan().await.unwrap(), 3, "a refused refold leaves nothing behind");
}

/// The merge does not read the ids of events, so that only those who read complete rows see the damage.
#[tokio::test]
async fn a_record_without_an_event_id_or_with_two_is_named() {
    let world = World::new().await;
    let id = OrderId::parse("A").unwrap();
    let first = world.reader.history(&id, None, 1, None).await.unwrap().value.records[0].at;
    for damage in ["other_event_id = NULL", "event_id = gen_random_uuid()"] {
        world.damage(damage).await;
        names_the_record("a history", damage, world.reader.history(&id, None, 10, None).await);
        names_the_record("a later page", damage, world.reader.history(&id, Some(first), 10, None).await);
        names_the_record("the scan", damage, world.scan().await);
        world.damage("other_event_id = 'food-orders-0-1', event_id = NULL").await;
        assert_eq!(world.scan().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_record_with_a_value_out_of_range_is_named() {
    let world = World::new().await;
    let id = OrderId::parse("A").unwrap();
    let cut = Cut { decision: Some(0), ..Cut::default() };
    for (damage, mended) in [
        ("occurred_at = '-infinity'", "occurred_at = appended_at"),
        ("occurred_at = '10000-01-01'", "occurred_at = appended_at"),
        ("sequence = 0", "sequence = 4"),
    ] {
        world.damage(damage).await;
        names_the_record("an order as of a cut", damage, world.reader.order(&id, Some(&cut)).await);
        names_the_record("a history", damage, world.reader.history(&id, None, 10, None).await);
        names_the_record("the fold", damage, world.fold().await);
        world.damage(mended).await;
    }
}

#[tokio::test]
async fn every_reader_of_orders_names_the_order() {
    let world = World::new().await;
    let id = OrderId::parse("A").unwrap();
    for (damage, mended) in [
        ("status = 'q'", "status = 'P'"),
        ("details = '[1]'", "details = NULL"),
        ("details = 'no json'", "details = NULL"),
        ("details = '\"a\": 1}, {\"b\": 2'", "details = NULL"),
        ("paid_at = 'infinity'", "paid_at = NULL"),
        ("last_updated = '-infinity'", "last_updated = now()"),
    ] {
        let statement = |assignment: &str| format!("UPDATE build_1.orders SET {assignment}");
        world.sql.batch_execute(&statement(damage)).await.unwrap();
        let names_it = |result: Result<(), String>| {
            assert!(
                result.as_ref().is_err_and(|error| error.contains("order \"A\"")),
                "{damage}: {result:?}"
            );
        };
        names_it(world.reader.order(&id, None).await.map(drop).map_err(|error| error.to_string()));
        let list = world.reader.orders(&Filter::default(), Sort::OrderId, None, 10, None).await;
        names_it(list.map(drop).map_err(|error| error.to_string()));
        // The totals were counted when the row was written.
        let stats = world.reader.stats(None).await.unwrap().value;
        assert_eq!(stats.by_status().find(|(_, count)| *count > 0), Some((Status::Paid, 1)));
        world.sql.batch_execute(&statement(mended)).await.unwrap();
    }
}
