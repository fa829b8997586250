//! The SQL of the as-of queries against the fold of crates/orders, on a real
//! PostgreSQL: the same rows, for any records and any cut.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use orders::{
    EventType, Fact, Fields, LogOrder, Offset, OrderId, OrderRow, OrderState, Partition, Position, Status,
    Time,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio_postgres::Client;
use views::Parts;
use views::read::{After, Clock, Cut, Filter, Order, Reader, Sort};

/// A record of the log; its offset is its index among those of its partition.
#[derive(Clone, Debug)]
struct Given {
    order: u8,
    event: EventType,
    sequence: i32,
    partition: i32,
    offset: i64,
    appended: i64,
    occurred: i64,
    /// Names and raw JSON values; a name may come twice.
    fields: Vec<(&'static str, &'static str)>,
    decision: Option<i64>,
}

impl Given {
    fn fact(&self) -> Fact<'_> {
        let mut fields = Fields::default();
        for (name, raw) in &self.fields {
            fields.push(Cow::Borrowed(name), raw);
        }
        Fact {
            event: self.event,
            sequence: self.sequence,
            at: LogOrder {
                appended_at: Time::from_micros(self.appended),
                partition: Partition(self.partition),
                offset: Offset(self.offset),
            },
            occurred_at: Time::from_micros(self.occurred),
            fields,
        }
    }

    fn details(&self) -> Option<String> {
        let members: Vec<_> = self.fields.iter().map(|(name, raw)| format!("{name:?}:{raw}")).collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }

    fn within(&self, cut: &Cut) -> bool {
        let time = cut.time.is_none_or(|(time, clock)| match clock {
            Clock::Append => self.appended <= time.as_micros(),
            Clock::Event => self.occurred <= time.as_micros(),
        });
        let offset =
            cut.offsets.as_ref().is_none_or(|offsets| self.offset < offsets.of(Partition(self.partition)).0);
        time && offset && self.decision <= cut.decision
    }
}

/// Fields that clash with columns of their own and of other events, nulls, repeated names.
fn fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let names = prop::sample::select(vec![
        "customer_id",
        "restaurant_id",
        "currency",
        "payment_method",
        "courier_id",
        "reason",
        "note",
        "status_text",
    ]);
    let texts = prop::sample::select(vec!["null", "\"a\"", "\"b\\n\\u00e9\"", "\"\""]);
    let free = (
        prop::sample::select(vec!["note", "items", "amount_cents", "Straße", "z"]),
        prop::sample::select(vec!["null", "1.50", "[1,{\"b\":2,\"a\":1}]", "{}", "true", "\"x\""]),
    );
    let total = (Just("total_cents"), prop::sample::select(vec!["null", "0", "1900", "9223372036854775807"]));
    prop::collection::vec(prop_oneof![(names, texts), free, total], 0..5)
}

fn record() -> impl Strategy<Value = Given> {
    (
        (0..3_u8, 0..5_usize, 1..4_i32, 0..3_i32),
        (0..4_i64, 0..4_i64),
        fields(),
        prop::option::weighted(0.2, 1..4_i64),
    )
        .prop_map(|((order, event, sequence, partition), (appended, occurred), fields, decision)| {
            Given {
                order,
                event: EventType::ALL[event],
                sequence,
                partition,
                offset: 0,
                appended,
                occurred,
                fields,
                decision,
            }
        })
}

fn records() -> impl Strategy<Value = Vec<Given>> {
    prop::collection::vec(record(), 0..16).prop_map(|mut records| {
        let mut next = [0; 3];
        for record in &mut records {
            let next = &mut next[record.partition as usize];
            record.offset = *next;
            *next += 1;
        }
        records
    })
}

fn cut() -> impl Strategy<Value = Cut> {
    let clock = prop_oneof![Just(Clock::Append), Just(Clock::Event)];
    let time =
        prop::option::of((-1..5_i64, clock).prop_map(|(time, clock)| (Time::from_micros(time), clock)));
    let offsets = prop::option::of(prop::collection::btree_map(0..3_i32, 0..100_i64, 0..4));
    (time, offsets, prop::option::of(0..4_i64)).prop_map(|(time, offsets, decision)| Cut {
        time,
        offsets: offsets.map(|offsets| {
            offsets.into_iter().map(|(partition, next)| (Partition(partition), Position(next))).collect()
        }),
        decision: Some(decision.unwrap_or(3)),
        projection: None,
    })
}

/// The domain's answer in the form of the database's.
fn expected(id: String, row: &OrderRow<'_>) -> Order {
    let text = |value: &Option<Cow<'_, str>>| value.as_deref().map(str::to_owned);
    Order {
        order_id: id,
        status: row.status.to_string(),
        last_updated: row.last_updated,
        sequence: row.sequence,
        customer_id: text(&row.customer_id),
        restaurant_id: text(&row.restaurant_id),
        total_cents: row.total_cents,
        currency: text(&row.currency),
        created_at: row.created_at,
        paid_at: row.paid_at,
        shipped_at: row.shipped_at,
        delivered_at: row.delivered_at,
        cancelled_at: row.cancelled_at,
        payment_method: text(&row.payment_method),
        courier_id: text(&row.courier_id),
        cancel_reason: text(&row.cancel_reason),
        details: row.details.as_deref().map(canonical),
        incomplete: false,
    }
}

/// The same text for the same JSON value, however its names are ordered and its spaces are set.
fn canonical(json: &str) -> String {
    fn sorted(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => fields
                .into_iter()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect(),
            serde_json::Value::Array(values) => values.into_iter().map(sorted).collect(),
            other => other,
        }
    }
    sorted(serde_json::from_str(json).unwrap()).to_string()
}

fn id(order: u8) -> String {
    // Their order in bytes differs from that of any language.
    ["ORD-b", "ORD-B", "ord-Ä"][order as usize].to_owned()
}

struct World {
    client: Client,
    reader: Reader,
}

impl World {
    async fn new(parts: Parts) -> Self {
        let (database, url) = common::divided_database(parts).await;
        let client = local_stack::sql_client(&url, None).await.unwrap();
        let decisions = "INSERT INTO public.decisions (kind, view, partition, from_offset, to_offset, reason)
            SELECT 'retry', 'orders', 0, n, n + 1, 'a test' FROM generate_series(1, 3) n";
        client.batch_execute(decisions).await.unwrap();
        let reader = Reader::new(&database, 2, Duration::from_secs(5), Duration::from_secs(10)).unwrap();
        Self { client, reader }
    }

    async fn give(&self, records: &[Given]) {
        self.client
            .batch_execute(
                "TRUNCATE build_1.order_history; DELETE FROM build_1.positions;
                INSERT INTO build_1.positions (view, partition, next_offset, owner_epoch)
                SELECT 'orders', p, 100, 1 FROM generate_series(0, 2) p",
            )
            .await
            .unwrap();
        let statement = "INSERT INTO build_1.order_history
                (partition, \"offset\", order_id, event, sequence, other_event_id, occurred_at, appended_at, details, decision)
            SELECT $1, $2, $3, $4, $5, 'e', to_timestamp(0) + $6::bigint * interval '1 us',
                to_timestamp(0) + $7::bigint * interval '1 us', $8, $9";
        let statement = self.client.prepare(statement).await.unwrap();
        for record in records {
            self.client
                .execute(
                    &statement,
                    &[
                        &record.partition,
                        &record.offset,
                        &id(record.order),
                        &(record.event.code() as i8),
                        &record.sequence,
                        &record.occurred,
                        &record.appended,
                        &record.details(),
                        &record.decision,
                    ],
                )
                .await
                .unwrap();
        }
    }

    async fn check(&self, records: &[Given], cut: &Cut) -> Result<(), TestCaseError> {
        let mut states = BTreeMap::<String, OrderState<'_>>::new();
        for record in records.iter().filter(|record| record.within(cut)) {
            states.entry(id(record.order)).or_default().add(record.fact());
        }
        let mut folded: Vec<Order> =
            states.iter().map(|(id, state)| expected(id.clone(), &state.row().unwrap())).collect();
        let all = Filter::default();
        let sort = Sort::LastUpdatedDescending;
        let listed = self.reader.orders(&all, sort, None, 10, Some(cut)).await.unwrap().value.rows;
        for order in 0..3 {
            let found =
                self.reader.order(&OrderId::parse(&id(order)).unwrap(), Some(cut)).await.unwrap().value;
            // This list is merged in SQL, and has to give the same bytes.
            prop_assert_eq!(found.as_ref(), listed.iter().find(|listed| listed.order_id == id(order)));
            prop_assert_eq!(
                found.map(comparable),
                folded.iter().find(|row| row.order_id == id(order)).cloned()
            );
        }
        let stats = self.reader.stats(Some(cut)).await.unwrap().value;
        let mut statuses = BTreeMap::<String, i64>::new();
        for order in &folded {
            *statuses.entry(order.status.clone()).or_default() += 1;
        }
        prop_assert_eq!(
            stats
                .by_status()
                .filter(|(_, count)| *count > 0)
                .map(|(status, count)| (status.to_string(), count))
                .collect::<BTreeMap<_, _>>(),
            statuses
        );
        for sort in [Sort::OrderId, Sort::OrderIdDescending, Sort::LastUpdatedDescending] {
            match sort {
                Sort::OrderId => {}
                Sort::OrderIdDescending => folded.reverse(),
                Sort::LastUpdatedDescending => {
                    folded.sort_by(|a, b| {
                        b.last_updated.cmp(&a.last_updated).then(a.order_id.cmp(&b.order_id))
                    });
                }
            }
            for filter in filters() {
                let matching: Vec<_> =
                    folded.iter().filter(|order| matches(order, &filter)).cloned().collect();
                prop_assert_eq!(self.in_pages(&filter, sort, cut).await, matching, "{:?} {:?}", filter, sort);
            }
        }
        Ok(())
    }

    /// All pages of a list, two orders each.
    async fn in_pages(&self, filter: &Filter, sort: Sort, cut: &Cut) -> Vec<Order> {
        let mut all = Vec::<Order>::new();
        loop {
            let after = all
                .last()
                .map(|last| After { order_id: last.order_id.clone(), last_updated: last.last_updated });
            let page = self.reader.orders(filter, sort, after.as_ref(), 2, Some(cut)).await.unwrap().value;
            let last = !page.has_more;
            all.extend(page.rows.into_iter().map(comparable));
            if last {
                return all;
            }
        }
    }
}

fn filters() -> [Filter; 4] {
    let a = || Some("a".to_owned());
    [
        Filter::default(),
        Filter { status: Some(Status::Paid), ..Filter::default() },
        Filter { customer_id: a(), ..Filter::default() },
        Filter { customer_id: a(), restaurant_id: a(), status: Some(Status::Pending) },
    ]
}

fn matches(order: &Order, filter: &Filter) -> bool {
    filter.status.is_none_or(|status| order.status == status.as_str())
        && (filter.customer_id.is_none() || order.customer_id == filter.customer_id)
        && (filter.restaurant_id.is_none() || order.restaurant_id == filter.restaurant_id)
}

fn comparable(order: Order) -> Order {
    Order { details: order.details.as_deref().map(canonical), ..order }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_fold_is_the_domains_fold() {
    for parts in common::kinds_of_parts() {
        expect_the_domains_fold(&World::new(parts).await);
    }
}

fn expect_the_domains_fold(world: &World) {
    let runtime = tokio::runtime::Handle::current();
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let given = (records(), prop::collection::vec(cut(), 1..4));
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&given, |(records, cuts)| {
            runtime.block_on(async {
                world.give(&records).await;
                world.check(&records, &Cut { decision: Some(3), ..Cut::default() }).await?;
                for cut in &cuts {
                    world.check(&records, cut).await?;
                }
                Ok(())
            })
        })
    });
    if let Err(error) = outcome {
        unreachable!("{error}");
    }
}

#[tokio::test]
async fn the_orders_of_a_customer_have_a_second_page() {
    let world = World::new(Parts::ONE).await;
    let record = |order: u8| Given {
        order,
        event: EventType::OrderCreated,
        sequence: 1,
        partition: 0,
        offset: order.into(),
        appended: 0,
        occurred: 0,
        fields: vec![("customer_id", "\"a\""), ("restaurant_id", "\"a\"")],
        decision: None,
    };
    let records: Vec<_> = (0..3).map(record).collect();
    world.give(&records).await;
    world.check(&records, &Cut { decision: Some(3), ..Cut::default() }).await.unwrap();
}

/// So many that an order, and a page of them, is merged in SQL.
#[tokio::test]
async fn orders_with_many_records_are_merged_all_the_same() {
    let world = World::new(Parts::ONE).await;
    let record = |number: i64| Given {
        order: (number % 2) as u8,
        event: EventType::ALL[number as usize % 5],
        sequence: (number % 70) as i32 + 1,
        partition: 0,
        offset: number,
        appended: number,
        occurred: number,
        fields: vec![("customer_id", "\"a\""), ("note", "1.50")],
        decision: None,
    };
    let records: Vec<_> = (0..600).map(record).collect();
    for offsets in [None, Some(580)] {
        let offsets = offsets.map(|next| [(Partition(0), Position(next))].into_iter().collect());
        // `give` says that 100 records are applied, so a cut cannot name more.
        let sql = "UPDATE build_1.positions SET next_offset = 600";
        world.give(&records).await;
        world.client.batch_execute(sql).await.unwrap();
        world.check(&records, &Cut { offsets, decision: Some(3), ..Cut::default() }).await.unwrap();
    }
}
