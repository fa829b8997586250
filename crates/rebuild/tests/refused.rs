//! A build that differs from the log is not switched to.
#![allow(clippy::unwrap_used)] // a test

mod common;

use common::World;
use common::events::{lives, mixed};
use rebuild::{Differences, FailureCause, Outcome, Request, Stop, SwitchMode};

impl World {
    /// Changes a verified build that is ready, and returns what the next start finds.
    async fn tampered(&self, statement: &str) -> Differences {
        let request = Request { switch: SwitchMode::Manual, ..Request::default() };
        let job = rebuild::start(&self.settings, &request).await.unwrap();
        let outcome = job.run(Stop::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Ready { build: 2 });
        assert_eq!(self.client().await.execute(statement, &[]).await.unwrap(), 1);

        let (outcome, view) = self.rebuild().await;
        let Outcome::Failed { cause, .. } = outcome else { unreachable!("{outcome:?}") };
        assert_eq!(cause, FailureCause::Difference);
        let active: i64 = self
            .client()
            .await
            .query_one("SELECT id FROM builds WHERE state = 'active'", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(active, 1, "the live tables still serve");
        view.differences.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_order_is_named_with_its_column() {
    let world = World::new(3).await;
    world.write(lives(0, 3000)).await;
    let found = world
        .tampered("UPDATE build_2.orders SET customer_id = 'CUST-X' WHERE order_id = 'ORD-0000007'")
        .await;
    assert_eq!(found.total, 1);
    let one = &found.listed[0];
    assert_eq!((one.table.as_str(), one.order_id.as_deref()), ("orders", Some("ORD-0000007")));
    assert_eq!(one.column.as_deref(), Some("customer_id"));
    assert_eq!((one.expected.as_deref(), one.found.as_deref()), (Some("CUST-7"), Some("CUST-X")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_order_is_named() {
    let world = World::new(3).await;
    world.write(lives(0, 300)).await;
    let found = world.tampered("DELETE FROM build_2.orders WHERE order_id = 'ORD-0000299'").await;
    assert_eq!((found.total, found.listed[0].order_id.as_deref()), (1, Some("ORD-0000299")));
    assert_eq!(found.listed[0].found, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_record_is_named_with_partition_offset_and_column() {
    let world = World::new(1).await;
    world.write(lives(0, 3000)).await;
    let found = world
        .tampered("UPDATE build_2.order_history SET details = (details::jsonb || '{\"total_cents\":1}')::text WHERE \"offset\" = 9001")
        .await;
    let record = found.listed.iter().find(|one| one.table == "order_history").unwrap();
    assert_eq!(
        (record.partition, record.offset, record.column.as_deref()),
        (Some(0), Some(9001), Some("details"))
    );
    assert!(record.found.as_ref().unwrap().contains(r#""total_cents": 1"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_record_is_named() {
    let world = World::new(1).await;
    world.write(lives(0, 100)).await;
    let found = world.tampered("DELETE FROM build_2.order_history WHERE \"offset\" = 150").await;
    let record = found.listed.iter().find(|one| one.table == "order_history").unwrap();
    assert_eq!((record.partition, record.offset, record.found.as_ref()), (Some(0), Some(150), None));
    assert!(record.expected.as_ref().unwrap().contains("ORD-0000050"), "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_dead_letter_is_named() {
    let world = World::new(1).await;
    world.write(mixed(3, 2000)).await;
    let found = world
        .tampered(
            "DELETE FROM build_2.dead_letters WHERE \"offset\" = (SELECT min(\"offset\") FROM build_2.dead_letters)",
        )
        .await;
    assert_eq!((found.total, found.listed[0].table.as_str()), (1, "dead_letters"));
    assert!(found.listed[0].expected.is_some() && found.listed[0].found.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_totals_are_named() {
    let world = World::new(3).await;
    world.write(lives(0, 300)).await;
    let found = world
        .tampered(
            "UPDATE build_2.totals SET delivered = delivered + 1, records = records - 1, open_dead_letters = open_dead_letters + 1
             WHERE partition = -1",
        )
        .await;
    let texts: Vec<String> = found.listed.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "totals delivered: the log says 300, the table 301",
            "totals records: the log says 1200, the table 1199",
            "totals open_dead_letters: the log says 0, the table 1",
        ]
    );
}
