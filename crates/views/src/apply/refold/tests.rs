//! Whatever the batches, lanes and orders of arrival: a row is the merge of all records of its order.

use std::cell::Cell;

use orders::record::Headers;
use orders::{EventType, Offset, OrderState, Partition, Record, decode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;
use tokio::sync::Mutex;

use super::*;
use crate::apply::{Codec, envelope};
use crate::lane::{Lane, LaneOptions};
use crate::rebuild::{OrderContent, OrderScan, OrderSet};
use crate::{Database, Session, SessionKind, SynchronousCommit};

const PARTITIONS: usize = 3;
const BUILD: Build = Build(1);

/// A record of the log, and whether it is the last one of its batch.
#[derive(Clone, Debug)]
struct Given {
    order: u8,
    event: EventType,
    sequence: i32,
    partition: usize,
    appended: i64,
    note: Option<&'static str>,
    ends_batch: bool,
}

/// Few orders and sequences, so that most records meet records of their order in the table.
fn given() -> impl Strategy<Value = Vec<Given>> {
    let note = prop::option::of(prop::sample::select(vec!["null", "\"a\"", "[1, {\"b\": 2}]"]));
    let record = ((0..3_u8, 0..5_usize, 1..5_i32), (0..PARTITIONS, 0..3_i64, note, any::<bool>()));
    let record = record.prop_map(|((order, event, sequence), (partition, appended, note, ends_batch))| {
        Given { order, event: EventType::ALL[event], sequence, partition, appended, note, ends_batch }
    });
    prop::collection::vec(record, 1..30)
}

struct World {
    session: Session,
    /// Partition p belongs to lane p modulo 2.
    lanes: Mutex<[Lane; 2]>,
    next: [Cell<i64>; PARTITIONS],
    case: Cell<u32>,
}

struct Written {
    partition: Partition,
    offset: Offset,
    appended_millis: i64,
    value: String,
}

impl Written {
    fn record(&self) -> Record<'_> {
        let Self { partition, offset, appended_millis, value } = self;
        Record {
            partition: *partition,
            offset: *offset,
            appended_millis: *appended_millis,
            key: None,
            value: Some(value.as_bytes()),
            headers: Headers::default(),
        }
    }
}

impl World {
    async fn new() -> Self {
        let servers = local_stack::TestServers::shared().await.unwrap();
        let url = servers.fresh_database().await.unwrap();
        let database = Database::parse(&url.into(), None).unwrap();
        crate::migrate::migrate(&database).await.unwrap();
        let lane = |number: usize| {
            let mut lane = Lane::new(LaneOptions {
                database: database.clone(),
                codec: Codec::new("food-orders", 1_000_000),
                group: None,
                owner: format!("lane {number}"),
                synchronous_commit: SynchronousCommit::Off,
                has_breaker: false,
            });
            let mine = (0..PARTITIONS).filter(move |partition| partition % 2 == number);
            let mine: Vec<_> = mine.map(|partition| Partition(partition as i32)).collect();
            async move {
                lane.claim(&mine).await.unwrap();
                lane
            }
        };
        Self {
            session: database.session("test", SessionKind::Short).await.unwrap(),
            lanes: Mutex::new([lane(0).await, lane(1).await]),
            next: Default::default(),
            case: Cell::default(),
        }
    }

    fn written(&self, given: &Given) -> Written {
        let Given { order, event, sequence, partition, appended, note, .. } = given;
        let note = note.map(|note| format!(r#","note":{note},"only_of_{event}":1"#)).unwrap_or_default();
        let case = self.case.get();
        Written {
            partition: Partition(*partition as i32),
            offset: Offset(self.next[*partition].replace(self.next[*partition].get() + 1)),
            appended_millis: 1_790_000_000_000 + appended,
            value: format!(
                r#"{{"event":"{event}","order_id":"{case}-{order}","sequence":{sequence},"reason":"r"{note}}}"#
            ),
        }
    }

    /// Applies each batch in both lanes at once.
    async fn apply(&self, given: &[Given], written: &[Written]) {
        let mut lanes = self.lanes.lock().await;
        let [first, second] = &mut *lanes;
        let mut start = 0;
        for end in 1..=given.len() {
            if !given[end - 1].ends_batch && end < given.len() {
                continue;
            }
            let of = |lane: usize| -> Vec<Record<'_>> {
                let mine =
                    written[start..end].iter().filter(|record| record.partition.0 as usize % 2 == lane);
                mine.map(Written::record).collect()
            };
            let (one, other) = (of(0), of(1));
            let (one, other) = tokio::join!(first.apply(&one, &[]), second.apply(&other, &[]));
            one.unwrap();
            other.unwrap();
            start = end;
        }
    }

    async fn check(&self, written: &[Written]) -> Result<(), TestCaseError> {
        let mut states = std::collections::BTreeMap::<String, OrderState<'_>>::new();
        for record in written {
            let record = record.record();
            let decoded = decode(envelope(&record, usize::MAX), record.value).unwrap();
            states.entry(decoded.order_id.into_owned()).or_default().add(decoded.fact);
        }
        let case = self.case.get();
        let range = OrderSet::Range { from: Some(format!("{case}-")), to: Some(format!("{case}.")) };
        let mut found = OrderScan::open(&self.session, BUILD, &range).await.unwrap();
        for (order_id, state) in &states {
            let order = found.next().await.unwrap().unwrap();
            prop_assert_eq!(order.order_id().unwrap(), order_id);
            let (found, expected) = (order.content().unwrap(), OrderContent::of(state).unwrap());
            prop_assert_eq!(found.winners, expected.winners);
            prop_assert_eq!(comparable(found), comparable(expected));
        }
        prop_assert!(found.next().await.unwrap().is_none());
        Ok(())
    }
}

/// With details as a value, whose text may differ.
fn comparable(content: OrderContent<'_>) -> (orders::OrderRow<'_>, Option<Value>) {
    let mut row = content.row;
    let details = row.details.take().map(|details| serde_json::from_str(&details).unwrap());
    (row, details)
}

#[tokio::test(flavor = "multi_thread")]
async fn any_batches_in_any_lanes_give_the_merge_of_all_records() {
    let world = World::new().await;
    let runtime = tokio::runtime::Handle::current();
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&given(), |given| {
            world.case.set(world.case.get() + 1);
            let written: Vec<_> = given.iter().map(|given| world.written(given)).collect();
            runtime.block_on(async {
                world.apply(&given, &written).await;
                world.check(&written).await
            })
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
