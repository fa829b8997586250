//! What tests of lanes begin with, and what holds after each batch.
#![allow(dead_code)] // no test target uses all of it

use orders::{EventType, Fact, Fields, LogOrder, Offset, OrderState, Partition, Time};
use secrecy::SecretString;
use views::apply::{Codec, OrderPiece, OrderRows};
use views::lane::{Lane, LaneOptions};
use views::{Build, Database, Parts, SessionKind, SynchronousCommit};

/// A new database with tables, and its URL.
pub async fn database() -> (Database, String) {
    divided_database(Parts::ONE).await
}

/// The same, with tables in this many parts.
pub async fn divided_database(parts: Parts) -> (Database, String) {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let database = Database::parse(&SecretString::from(url.as_str()), None).unwrap();
    views::migrate::migrate_divided(&database, parts).await.unwrap();
    (database, url)
}

/// Tables that are not divided, and some that are.
pub fn kinds_of_parts() -> [Parts; 2] {
    [Parts::ONE, Parts::try_from(3).unwrap()]
}

/// Table `totals` has to say what the other tables of build 1 hold.
pub async fn check_totals(database: &Database) {
    let session = database.session("test", SessionKind::Short).await.unwrap();
    let build = Build(1);
    assert_eq!(build.totals(&session).await.unwrap(), build.counted_totals(&session).await.unwrap());
}

/// An order that was created, as its row is written in bulk.
pub fn one_order(order_id: &str) -> OrderPiece {
    let mut state = OrderState::default();
    state.add(Fact {
        event: EventType::OrderCreated,
        sequence: 1,
        at: LogOrder { appended_at: Time::from_micros(0), partition: Partition(0), offset: Offset(0) },
        occurred_at: Time::from_micros(0),
        fields: Fields::default(),
    });
    let mut rows = OrderRows::for_copy();
    rows.push(order_id, &state);
    rows.take()
}

/// A lane that has claimed nothing yet.
pub fn lane(database: &Database, owner: &str) -> Lane {
    lane_with(database, owner, Codec::new("food-orders", 1_000_000))
}

pub fn lane_with(database: &Database, owner: &str, codec: Codec) -> Lane {
    Lane::new(LaneOptions {
        database: database.clone(),
        codec,
        group: None,
        owner: owner.into(),
        synchronous_commit: SynchronousCommit::Off,
        has_breaker: false,
    })
}
