//! A rebuild makes the tables that follow from the log.
#![allow(clippy::unwrap_used)] // a test

mod common;

use common::World;
use common::events::{lives, mixed};
use rebuild::{FailureCause, LogComparison, Outcome, RateSource, Request, State};

#[tokio::test(flavor = "multi_thread")]
async fn the_new_tables_follow_from_the_log() {
    let world = World::new(5).await;
    world.write(mixed(1, 20_000)).await;
    world.apply_live().await;
    let before = world.assert_tables_follow_from_the_log().await;

    let (outcome, view) = world.rebuild().await;
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) }, "{view:?}");
    assert_eq!((view.state, view.build, view.differences), (State::Active, Some(2), None));
    assert_eq!(world.assert_tables_follow_from_the_log().await, before);

    let phases: Vec<State> = view.progress.unwrap().phases.iter().map(|phase| phase.state).collect();
    let all = [
        State::Planned,
        State::Loading,
        State::Deriving,
        State::CatchingUp,
        State::Verifying,
        State::Ready,
        State::Switching,
    ];
    assert_eq!(phases, all);
    assert!(view.finished_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_includes_events_that_the_live_tables_never_applied() {
    let world = World::new(2).await;
    world.write(mixed(2, 1000)).await;
    let (outcome, _) = world.rebuild().await;
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) });
    world.assert_tables_follow_from_the_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_makes_empty_tables() {
    let world = World::new(3).await;
    let (outcome, _) = world.rebuild().await;
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) });
    assert_eq!(world.assert_tables_follow_from_the_log().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_superseded_build_is_kept_and_older_ones_are_dropped() {
    let world = World::new(1).await;
    world.write(lives(0, 100)).await;
    world.apply_live().await;
    for _ in 0..3 {
        world.rebuild().await;
    }
    let client = world.client().await;
    let rows = client
        .query("SELECT id, state, to_regnamespace('build_' || id) IS NULL FROM builds ORDER BY id", &[])
        .await;
    let states: Vec<(i64, String, bool)> =
        rows.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected =
        [(1, "dropped", true), (2, "dropped", true), (3, "superseded", false), (4, "active", false)];
    assert_eq!(states, expected.map(|(id, state, gone)| (id, state.to_owned(), gone)));
    let rebuilds = rebuild::list(&world.settings.database, 10).await.unwrap();
    let states: Vec<State> = rebuilds.iter().map(|view| view.state).collect();
    assert_eq!(states, [State::Active, State::Superseded, State::Superseded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_plans_and_makes_no_build() {
    let world = World::new(2).await;
    world.write(lives(0, 500)).await;
    let dry_run = rebuild::dry_run(&world.settings, &Request::default()).await.unwrap();
    let plan = dry_run.plan;
    assert_eq!((dry_run.state, dry_run.reason), (State::Planned, None));
    assert_eq!((plan.events, plan.rate_source), (2000, RateSource::Default));
    assert!(plan.bytes > 0 && plan.disk_needed_bytes > plan.bytes);
    // The live tables have applied nothing, and the topic is one that our programs would create.
    assert_eq!((plan.log_comparison, plan.topic_warnings), (Some(LogComparison::default()), vec![]));
    let builds: i64 =
        world.client().await.query_one("SELECT count(*) FROM builds", &[]).await.unwrap().get(0);
    assert_eq!(builds, 1);
    // The dry run is not a rebuild, and does not prevent one.
    assert!(rebuild::list(&world.settings.database, 10).await.unwrap().is_empty());
    let (outcome, rebuild) = world.rebuild().await;
    assert!(matches!(outcome, Outcome::Active { .. }));
    assert_eq!(rebuild.id, 1);
    // However small it was, it was measured.
    let again = rebuild::dry_run(&world.settings, &Request::default()).await.unwrap().plan;
    let took = rebuild.progress.unwrap().elapsed().as_secs_f64();
    assert_eq!(again.rate_source, RateSource::LastRebuild);
    assert!((again.estimated_seconds - took).abs() < 0.2, "{} after {took}", again.estimated_seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_before_the_live_positions_is_refused() {
    let world = World::new(1).await;
    world.write(lives(0, 10)).await;
    world.apply_live().await;
    world.client().await.execute("UPDATE build_1.positions SET next_offset = 99", &[]).await.unwrap();
    let (outcome, view) = world.rebuild().await;
    let Outcome::Failed { cause, reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, FailureCause::Log);
    assert!(reason.contains("ends at offset 40") && reason.contains("up to offset 99"), "{reason}");
    assert_eq!((view.state, view.reason, view.build), (State::Failed, Some(reason), None));
}

/// An error that will not pass says nothing about the log, even if it comes from Kafka.
#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_error_fails_the_rebuild_with_its_words_and_does_not_blame_the_log() {
    let mut world = World::new(1).await;
    world.settings.kafka.properties.push(("no.such.property".into(), "1".to_owned().into()));
    let (outcome, view) = world.rebuild().await;
    let Outcome::Failed { cause, reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, FailureCause::Unexpected);
    assert!(reason.contains("no.such.property"), "{reason}");
    assert_eq!((view.state, view.reason), (State::Failed, Some(reason)));
}
