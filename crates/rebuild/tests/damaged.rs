//! Rows that are damaged while a rebuild runs: whatever the moment, the build is not switched to.
#![allow(clippy::unwrap_used)] // a test

mod common;

use common::World;
use common::events::{lives, mixed};
use rebuild::{Difference, FailureCause, Outcome, Parts, Request, State, Stop, SwitchMode};

/// The steps of a rebuild after which a row is damaged: the state that begins then.
const AFTER_LOADING: &str = "deriving";
const AFTER_DERIVING: &str = "catching_up";
const BEFORE_VERIFYING: &str = "verifying";

impl World {
    /// Runs a rebuild that is damaged when it enters `state`, in the same transaction. Returns what is found.
    async fn damaged(&self, state: &str, damage: &str) -> Vec<Difference> {
        let client = self.client().await;
        client
            .batch_execute(&format!(
                "CREATE FUNCTION damage() RETURNS trigger LANGUAGE plpgsql AS $$
                 DECLARE damaged bigint;
                 BEGIN
                     {damage}; GET DIAGNOSTICS damaged = ROW_COUNT; ASSERT damaged IN (1, 2); RETURN NULL;
                 END $$;
                 CREATE TRIGGER damage AFTER UPDATE ON public.rebuilds FOR EACH ROW
                 WHEN (OLD.state <> NEW.state AND NEW.state = '{state}') EXECUTE FUNCTION damage()"
            ))
            .await
            .unwrap();
        let (outcome, view) = self.rebuild().await;
        let Outcome::Failed { cause, .. } = outcome else {
            unreachable!("{damage} before {state}: {outcome:?}")
        };
        assert_eq!((cause, view.state), (FailureCause::Difference, State::Failed));
        let active = "SELECT id FROM builds WHERE state = 'active'";
        let active: i64 = client.query_one(active, &[]).await.unwrap().get(0);
        assert_eq!(active, 1, "the live tables still serve");
        view.differences.unwrap().listed
    }

    /// How many events were processed each time that the latest rebuild was verified.
    async fn verifying(&self) -> Vec<i64> {
        let view = rebuild::list(&self.settings.database, 1).await.unwrap().remove(0);
        let phases = view.progress.unwrap().phases.into_iter();
        phases.filter(|phase| phase.state == State::Verifying).map(|phase| phase.events as i64).collect()
    }
}

/// Tables that are not divided, and some that are.
fn parts() -> [Parts; 2] {
    [Parts::ONE, Parts::try_from(3).unwrap()]
}

/// How a record's row is damaged, and the column that is named; without one, the row is missing or there twice.
const RECORDS: [(&str, Option<&str>); 8] = [
    ("UPDATE build_2.order_history SET details = '{\"total_cents\":1}' WHERE \"offset\" = 501", Some("details")),
    ("UPDATE build_2.order_history SET details = replace(details, ':', ': ') WHERE \"offset\" = 501", Some("details")),
    ("UPDATE build_2.order_history SET trace_id = gen_random_uuid() WHERE \"offset\" = 501", Some("trace_id")),
    ("UPDATE build_2.order_history SET event = 'X' WHERE \"offset\" = 501", Some("event")),
    (
        "UPDATE build_2.order_history SET occurred_at = appended_at + interval '1 us' WHERE \"offset\" = 501",
        Some("occurred_at"),
    ),
    ("UPDATE build_2.order_history SET decision = 7 WHERE \"offset\" = 501", Some("decision")),
    ("DELETE FROM build_2.order_history WHERE \"offset\" = 501", None),
    (
        "INSERT INTO build_2.order_history (\"offset\", occurred_at, appended_at, other_event_id, partition, sequence, event, order_id)
         SELECT 100000, occurred_at, appended_at, other_event_id, partition, sequence, event, order_id
         FROM build_2.order_history WHERE \"offset\" = 501",
        None,
    ),
];

async fn expect_damaged_records(state: &str) {
    for ((damage, column), parts) in
        RECORDS.into_iter().flat_map(|damage| parts().map(|parts| (damage, parts)))
    {
        let world = World::divided(1, parts).await;
        world.write(lives(0, 300)).await;
        world.apply_live().await;
        let found = world.damaged(state, damage).await;
        let record = found.iter().find(|one| one.table == "order_history");
        let record = record.unwrap_or_else(|| unreachable!("{damage} before {state}: {found:?}"));
        let offset = if damage.starts_with("INSERT") { 100_000 } else { 501 };
        assert_eq!((record.offset, record.column.as_deref()), (Some(offset), column), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_damaged_after_loading_is_named() {
    expect_damaged_records(AFTER_LOADING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_damaged_after_deriving_is_named() {
    expect_damaged_records(AFTER_DERIVING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_damaged_before_verifying_is_named() {
    expect_damaged_records(BEFORE_VERIFYING).await;
}

/// The sum of all rows must not be the same when two of them exchange a value.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_exchange_values_after_deriving_are_named() {
    let columns = ["order_id", "occurred_at", "details"];
    for (column, parts) in columns.into_iter().flat_map(|column| parts().map(|parts| (column, parts))) {
        let world = World::divided(1, parts).await;
        world.write(lives(0, 300)).await;
        world.apply_live().await;
        let damage = format!(
            "UPDATE build_2.order_history AS one SET {column} = other.{column} FROM build_2.order_history AS other
             WHERE one.\"offset\" IN (250, 350) AND other.\"offset\" = 600 - one.\"offset\"
                 AND one.{column} IS DISTINCT FROM other.{column}"
        );
        let found = world.damaged(AFTER_DERIVING, &damage).await;
        assert!(found.iter().any(|one| one.table == "order_history"), "{column}: {found:?}");
    }
}

/// How an order's row is damaged, and the column that is named.
const ORDERS: [(&str, Option<&str>); 6] = [
    ("UPDATE build_2.orders SET customer_id = 'CUST-X' WHERE order_id = 'ORD-0000007'", Some("customer_id")),
    ("UPDATE build_2.orders SET details = NULL WHERE order_id = 'ORD-0000007'", Some("details")),
    (
        "UPDATE build_2.orders SET winners = substr(winners, 1, 4) WHERE order_id = 'ORD-0000007'",
        Some("winners"),
    ),
    (
        "UPDATE build_2.orders SET paid_at = paid_at + interval '1 us' WHERE order_id = 'ORD-0000007'",
        Some("paid_at"),
    ),
    ("DELETE FROM build_2.orders WHERE order_id = 'ORD-0000007'", None),
    (
        "INSERT INTO build_2.orders (order_id, last_updated, sequence, first_sequence, status, winners)
         SELECT 'ORD-X', last_updated, sequence, first_sequence, status, winners FROM build_2.orders
         WHERE order_id = 'ORD-0000007'",
        None,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_damaged_after_deriving_is_named() {
    for (state, (damage, column), parts) in [AFTER_DERIVING, BEFORE_VERIFYING]
        .into_iter()
        .flat_map(|state| ORDERS.map(|damage| (state, damage)))
        .flat_map(|(state, damage)| parts().map(|parts| (state, damage, parts)))
    {
        let world = World::divided(1, parts).await;
        world.write(lives(0, 100)).await;
        world.apply_live().await;
        let found = world.damaged(state, damage).await;
        let id = if damage.starts_with("INSERT") { "ORD-X" } else { "ORD-0000007" };
        let is_found = |one: &Difference| {
            one.table == "orders" && one.order_id.as_deref() == Some(id) && one.column.as_deref() == column
        };
        assert!(found.iter().any(is_found), "{damage} before {state}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_damaged_is_named_whatever_the_moment() {
    let first = "(SELECT min(\"offset\") FROM build_2.dead_letters)";
    for state in [AFTER_LOADING, AFTER_DERIVING, BEFORE_VERIFYING] {
        for damage in [
            format!("DELETE FROM build_2.dead_letters WHERE \"offset\" = {first}"),
            format!("UPDATE build_2.dead_letters SET error = 'another' WHERE \"offset\" = {first}"),
        ] {
            let world = World::new(1).await;
            world.write(mixed(3, 2000)).await;
            world.apply_live().await;
            let found = world.damaged(state, &damage).await;
            assert_eq!(found[0].table, "dead_letters", "{damage} before {state}: {found:?}");
        }
    }
}

/// Where nothing is damaged, the history is not read order by order a second time. A build that another process has
/// derived is compared completely.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_build_that_was_just_derived_is_verified_by_its_sums() {
    let world = World::new(3).await;
    world.write(mixed(4, 4000)).await;
    world.apply_live().await;
    let log: i64 = world.ends().await.values().map(|end| end.0).sum();
    let history = "SELECT count(*) FROM public.order_history";
    let history: i64 = world.client().await.query_one(history, &[]).await.unwrap().get(0);

    let manual = Request { switch: SwitchMode::Manual, ..Request::default() };
    let job = rebuild::start(&world.settings, &manual).await.unwrap();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    assert_eq!(world.verifying().await, [log]);
    assert_eq!(world.rebuild().await.0, Outcome::Active { build: 2, replaced: Some(1) });
    assert_eq!(world.verifying().await, [log, log + history]);
}
