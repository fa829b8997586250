//! Reads while builds are switched in and dropped: each read sees exactly one build.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orders::LogIdentity;
use secrecy::SecretString;
use views::read::{Filter, Reader, Sort};
use views::rebuild::{self, NewRebuild, OrdersCopy, RowOwner, State, Switch, SwitchMode};
use views::{Build, Database, ORDERS, Part, Parts, Session, SessionKind, builds};

/// A new build with one order that is named after it, switched in; the one before is dropped.
async fn switch(session: &mut Session) -> Build {
    let before = builds::active(session).await.unwrap().build;
    let new = NewRebuild {
        view: ORDERS,
        switch: SwitchMode::Auto,
        keep_history: None,
        parts: None,
        runner: "test",
    };
    let rebuild = rebuild::insert(session, &new).await.unwrap();
    let owner = RowOwner { rebuild, name: "test".into() };
    let log =
        LogIdentity { cluster_id: "c".into(), topic: "food-orders".into(), topic_id: None, partitions: 1 };
    let build =
        owner.create_build(session, &log, 1_000_000, Parts::ONE, &serde_json::Value::Null).await.unwrap();
    owner.advance(session, State::Loading, State::Deriving).await.unwrap();
    build.index_history(session, Part::All).await.unwrap();
    let mut orders = OrdersCopy::begin(session, build, Part::All).await.unwrap();
    orders.write(common::one_order(&format!("of build {build}"))).await.unwrap();
    let written = orders.finish(&owner).await.unwrap();
    build.finish_orders(session, &owner, &written).await.unwrap();
    let states = [State::CatchingUp, State::Verifying, State::Ready, State::Switching];
    for step in states.windows(2) {
        owner.advance(session, step[0], step[1]).await.unwrap();
    }
    let held = Switch::begin(session, Duration::from_secs(5)).await.unwrap();
    held.finish(build, &owner).await.unwrap();
    // Readers may still hold what this drops, which can end in a deadlock; then it is tried again.
    while before.discard(session, "5s").await.is_err() {}
    build
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_an_error_or_a_mixture() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = SecretString::from(servers.fresh_database().await.unwrap());
    let database = Database::parse(&url, None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let mut session = database.session("test", SessionKind::Short).await.unwrap();
    let first = switch(&mut session).await;
    let reader =
        Arc::new(Reader::new(&database, 4, Duration::from_secs(5), Duration::from_secs(10)).unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (reader, over) = (Arc::clone(&reader), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut reads, mut last) = (0, Build(0));
                while !over.load(Ordering::Relaxed) {
                    let list =
                        reader.orders(&Filter::default(), Sort::OrderId, None, 10, None).await.unwrap();
                    let ids: Vec<_> = list.value.rows.iter().map(|order| order.order_id.clone()).collect();
                    assert_eq!(ids, [format!("of build {}", list.head.build)]);
                    assert!(list.head.build >= last, "a read never sees an older build than the one before");
                    last = list.head.build;
                    reads += 1;
                }
                (reads, last)
            })
        })
        .collect();
    let mut latest = first;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        latest = switch(&mut session).await;
    }
    // A read after the last switch sees its build.
    assert_eq!(reader.head().await.unwrap().build, latest);
    over.store(true, Ordering::Relaxed);
    for one in readers {
        let (reads, last) = one.await.unwrap();
        assert!(reads > 10 && last > first, "{reads} reads up to build {last}");
    }
}
