//! A rebuild is cancelled from outside, whichever process drives it.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::time::{Duration, Instant};

use common::events::lives;
use common::{World, eventually};
use rebuild::{Error, Outcome, RebuildView, Request, State, Stop, SwitchMode};

/// The driver looks once a second, and the long statement takes a minute.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

impl World {
    async fn is_gone(&self, schema: &str) -> bool {
        let gone = format!("SELECT to_regnamespace('{schema}') IS NULL");
        self.client().await.query_one(&gone, &[]).await.unwrap().get(0)
    }

    async fn assert_cancelled(&self, view: &RebuildView) {
        assert_eq!((view.state, view.finished_at.is_some()), (State::Cancelled, true), "{view:?}");
        assert_eq!(view.reason.as_deref(), Some("cancelled in test"));
        assert!(self.is_gone("build_2").await, "its tables are dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_rebuild_is_cancelled_by_another_process() {
    let world = World::new(4).await;
    world.write(lives(0, 20_000)).await;
    world.apply_live().await;
    let job = world.start().await;
    let id = job.id();
    let run = tokio::spawn(job.run(Stop::default()));
    eventually("a build", async || world.view(id).await.state != State::Planned).await;
    let began = Instant::now();
    let cancelled = rebuild::cancel_unfinished(&world.settings, "orders").await.unwrap().unwrap();
    assert!(began.elapsed() < NOTICED_WITHIN, "{:?}", began.elapsed());
    world.assert_cancelled(&cancelled).await;
    let outcome = run.await.unwrap().unwrap();
    assert_eq!(outcome, Outcome::Cancelled { reason: "cancelled in test".into() });
    // To cancel it again changes nothing, and the next rebuild can start.
    assert_eq!(rebuild::cancel(&world.settings, id).await.unwrap().state, State::Cancelled);
    assert!(matches!(world.rebuild().await.0, Outcome::Active { build: 3, .. }));
    world.assert_tables_follow_from_the_log().await;
}

/// A statement that holds a lock on the build's tables for long, such as one that makes an index, does not hold up its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_of_the_driver_is_ended() {
    let world = World::new(1).await;
    world.write(lives(0, 100)).await;
    world.apply_live().await;
    let manual = Request { switch: SwitchMode::Manual, ..Request::default() };
    let job = rebuild::start(&world.settings, &manual).await.unwrap();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    let url = format!("{}?application_name=food-orders%20rebuild", world.url);
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let long = tokio::spawn(async move {
        client.batch_execute("BEGIN; LOCK TABLE build_2.orders IN SHARE MODE; SELECT pg_sleep(60)").await
    });
    let held =
        "SELECT FROM pg_locks WHERE relation = 'build_2.orders'::regclass AND mode = 'ShareLock' AND granted";
    let watcher = world.client().await;
    eventually("the lock", async || !watcher.query(held, &[]).await.unwrap().is_empty()).await;
    let began = Instant::now();
    let cancelled = rebuild::cancel_unfinished(&world.settings, "orders").await.unwrap().unwrap();
    world.assert_cancelled(&cancelled).await;
    assert!(began.elapsed() < NOTICED_WITHIN, "{:?}", began.elapsed());
    assert!(long.await.unwrap().is_err(), "the statement was ended");
}

/// The request came when the process that drove the rebuild was about to end. The next process that looks carries
/// it out.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_outlives_the_process_that_it_was_meant_for() {
    for is_restarted in [false, true] {
        let world = World::new(1).await;
        world.write(lives(0, 100)).await;
        world.apply_live().await;
        let job = world.start().await;
        let id = job.id();
        // It holds the lock and does nothing.
        let asked = rebuild::cancel(&world.settings, id).await.unwrap();
        assert_eq!((asked.state, asked.cancel_requested_by.as_deref()), (State::Planned, Some("test")));
        drop(job);
        if is_restarted {
            let next = world.start().await;
            assert_eq!((next.id(), next.resumed()), (id + 1, None));
        } else {
            eventually("the lock is free", async || {
                assert!(rebuild::resume(&world.settings, "orders").await.unwrap().is_none());
                world.view(id).await.state == State::Cancelled
            })
            .await;
        }
        assert_eq!(world.view(id).await.reason.as_deref(), Some("cancelled in test"));
    }
}

/// From the request on, nothing is switched in: this driver does not get to look between the request and the switch.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_cancelled_is_not_switched_in() {
    let world = World::new(1).await;
    world.write(lives(0, 100)).await;
    world.apply_live().await;
    let job = world.start().await;
    let id = job.id();
    rebuild::cancel(&world.settings, id).await.unwrap();
    let outcome = job.run(Stop::default()).await.unwrap();
    assert!(matches!(outcome, Outcome::Cancelled { .. }), "{outcome:?}");
    assert_eq!(world.view(id).await.state, State::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_has_ended_cannot_be_cancelled() {
    let world = World::new(1).await;
    world.write(lives(0, 10)).await;
    world.apply_live().await;
    let (_, view) = world.rebuild().await;
    let refused = rebuild::cancel(&world.settings, view.id).await;
    assert!(matches!(refused, Err(Error::Ended { state: State::Active, .. })), "{refused:?}");
    let refused = rebuild::cancel(&world.settings, 99).await;
    assert!(matches!(refused, Err(Error::UnknownRebuild { id: 99 })), "{refused:?}");
}
