//! At most one rebuild of a view is unfinished, and one that no process drives is continued.
#![allow(clippy::unwrap_used)] // a test

mod common;

use std::time::Duration;

use common::events::{Dice, lives, mixed};
use common::{World, eventually};
use rebuild::{Error, Outcome, Request, State, Stop, SwitchMode};

impl World {
    /// How many builds were made. Their numbers do not tell: what interrupts a rebuild can undo the making of a build.
    async fn builds(&self) -> i64 {
        self.client().await.query_one("SELECT count(*) FROM builds", &[]).await.unwrap().get(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rebuild_is_refused_while_a_process_drives_the_first() {
    let world = World::new(1).await;
    let first = world.start().await;
    let second = rebuild::start(&world.settings, &Request::default()).await;
    let Err(Error::AlreadyRunning { id, .. }) = second else { panic!("the second rebuild was not refused") };
    assert_eq!(id, first.id());

    // Its process is gone, so the next start continues it.
    drop(first);
    let next = world.start().await;
    assert_eq!((next.id(), next.resumed()), (id, Some(State::Planned)));
    assert!(matches!(next.run(Stop::default()).await.unwrap(), Outcome::Active { build: 2, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_view_is_an_error_of_its_own() {
    let world = World::new(1).await;
    let request = Request { view: "riders".into(), ..Request::default() };
    assert!(matches!(rebuild::start(&world.settings, &request).await, Err(Error::UnknownView(_))));
}

/// A rebuild ends in the same tables, at whichever points it is interrupted.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rebuild_continues_where_it_stopped() {
    let world = World::new(4).await;
    world.write(mixed(5, 30_000)).await;
    world.apply_live().await;
    let mut dice = Dice::new(5);
    let mut left_in = Vec::new();
    loop {
        let job = world.start().await;
        let stop = Stop::default();
        let pause = stop.pause.clone();
        // Longer each time, so that the rebuild advances on a slow machine as well.
        let after = Duration::from_millis((100 + dice.roll(500)) * (left_in.len() as u64 + 3) / 3);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            pause.cancel();
        });
        match job.run(stop).await.unwrap() {
            Outcome::Paused => {
                let view = rebuild::list(&world.settings.database, 1).await.unwrap().remove(0);
                left_in.push(view.state);
            }
            Outcome::Active { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    println!("was interrupted in {left_in:?}");
    assert_eq!(world.builds().await, 2, "it is the same build all along");
    world.assert_tables_follow_from_the_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rebuild_leaves_nothing_behind() {
    let world = World::new(4).await;
    world.write(lives(0, 20_000)).await;
    world.apply_live().await;
    let job = world.start().await;
    let (id, stop) = (job.id(), Stop::default());
    let run = tokio::spawn(job.run(stop.clone()));
    eventually("a build", async || world.view(id).await.state != State::Planned).await;
    stop.cancel.cancel();
    let outcome = run.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Cancelled { .. }), "{outcome:?}");
    let view = world.view(id).await;
    assert_eq!((view.state, view.finished_at.is_some()), (State::Cancelled, true));
    let gone: bool = world
        .client()
        .await
        .query_one("SELECT to_regnamespace('build_2') IS NULL", &[])
        .await
        .unwrap()
        .get(0);
    assert!(gone, "its tables are dropped");
    world.assert_tables_follow_from_the_log().await;
    // The next rebuild can start.
    assert!(matches!(world.rebuild().await.0, Outcome::Active { build: 3, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_build_can_be_cancelled_or_switched_to_later() {
    let world = World::new(2).await;
    world.write(lives(0, 100)).await;
    world.apply_live().await;
    let manual = Request { switch: SwitchMode::Manual, ..Request::default() };
    let job = rebuild::start(&world.settings, &manual).await.unwrap();
    let id = job.id();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    assert_eq!(world.view(id).await.state, State::Ready);
    let cancelled = rebuild::cancel_unfinished(&world.settings, "orders").await.unwrap().unwrap();
    assert_eq!((cancelled.id, cancelled.state), (id, State::Cancelled));
    assert!(rebuild::cancel_unfinished(&world.settings, "orders").await.unwrap().is_none());

    let job = rebuild::start(&world.settings, &manual).await.unwrap();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 3 });
    world.write(lives(100, 100)).await;
    world.apply_live().await;
    let (outcome, view) = world.rebuild().await;
    assert_eq!(outcome, Outcome::Active { build: 3, replaced: Some(1) });
    assert_eq!(view.switch, SwitchMode::Auto);
    assert_eq!(world.assert_tables_follow_from_the_log().await, 200);
}

/// The size limit belongs to the build: by the setting of the next process, all of its records were too large.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_another_process_continues_keeps_its_size_limit() {
    let mut world = World::new(1).await;
    world.write(lives(0, 20)).await;
    world.apply_live().await;
    let manual = Request { switch: SwitchMode::Manual, ..Request::default() };
    let job = rebuild::start(&world.settings, &manual).await.unwrap();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    world.write(lives(20, 20)).await;
    world.settings.codec.max_record_bytes = 10;
    let (outcome, view) = world.rebuild().await;
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) }, "{view:?}");
}

/// The database ends all sessions several times: what was committed stays, and the rest is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_survives_lost_connections() {
    let world = World::new(4).await;
    world.write(mixed(8, 20_000)).await;
    world.apply_live().await;
    let job = world.start().await;
    let run = tokio::spawn(job.run(Stop::default()));
    let killer = world.client().await;
    let mut killed = 0_i64;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        killed += killer.query_one(ended, &[]).await.unwrap().get::<_, i64>(0);
    }
    assert!(killed > 0);
    let outcome = run.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Active { replaced: Some(1), .. }), "{outcome:?}");
    assert_eq!(world.builds().await, 2, "it is the same build all along");
    world.assert_tables_follow_from_the_log().await;
}
