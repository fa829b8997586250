//! Tables that are divided into parts: a rebuild makes them, keeps them and puts them together again.
#![allow(clippy::unwrap_used)] // a test

mod common;

use common::World;
use common::events::{lives, mixed};
use rebuild::{Error, Outcome, Parts, RebuildView, Request, State, Stop, SwitchMode};
use views::builds;

impl World {
    async fn rebuild_into(&self, parts: Option<i64>) -> (Outcome, RebuildView) {
        let parts = parts.map(|parts| Parts::try_from(parts).unwrap());
        self.rebuild_as(&Request { parts, ..Request::default() }).await
    }

    async fn live_parts(&self) -> Parts {
        let session = self.settings.database.session("test", views::SessionKind::Short).await.unwrap();
        let active = builds::active(&session).await.unwrap();
        assert_eq!(active.build.parts(&session).await.unwrap(), active.parts);
        active.parts
    }

    /// The parts of both tables, with how many rows each has.
    async fn rows(&self, build: i64) -> Vec<(String, i64)> {
        let client = self.client().await;
        let tables = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = to_regnamespace($1)
                          AND c.relkind = 'r' AND c.relname ~ '^(orders|order_history)(_[0-9]+)?$' ORDER BY 1";
        let mut rows = Vec::new();
        for table in client.query(tables, &[&format!("build_{build}")]).await.unwrap() {
            let table: String = table.get(0);
            let count = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
            rows.push((table, count));
        }
        rows
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_divides_the_tables_and_puts_them_together_again() {
    let world = World::new(5).await;
    world.write(mixed(5, 20_000)).await;
    world.apply_live().await;
    let orders = world.assert_tables_follow_from_the_log().await;
    // What is asked for, what the new build has, and the tables that it has in all.
    for (build, (asked, parts, tables)) in
        [(Some(4), 4, 8), (None, 4, 8), (Some(1), 1, 2)].into_iter().enumerate()
    {
        let (outcome, view) = world.rebuild_into(asked).await;
        let build = build as i64 + 2;
        assert_eq!(outcome, Outcome::Active { build, replaced: Some(build - 1) }, "{view:?}");
        assert_eq!((view.parts.map(i64::from), i64::from(world.live_parts().await)), (asked, parts));
        assert_eq!(world.assert_tables_follow_from_the_log().await, orders);
        let rows = world.rows(build).await;
        assert_eq!(rows.len(), tables);
        for (table, rows) in rows {
            assert!(rows > 10, "{table} has {rows} rows");
        }
    }
}

/// New, known and late orders: each way of writing them has to find the part.
#[tokio::test(flavor = "multi_thread")]
async fn divided_tables_are_written_to_like_others() {
    let world = World::new(3).await;
    world.write(lives(0, 800)).await;
    world.apply_live().await;
    assert!(matches!(world.rebuild_into(Some(32)).await.0, Outcome::Active { .. }));
    world.write(mixed(6, 8000)).await;
    world.write(lives(400, 1600)).await;
    world.apply_live().await;
    world.assert_tables_follow_from_the_log().await;
    assert!(matches!(world.rebuild_into(None).await.0, Outcome::Active { .. }));
    world.assert_tables_follow_from_the_log().await;
}

/// A rebuild that was begun keeps the number of its parts; another one is not ignored.
#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_rebuild_is_not_continued_with_other_parts() {
    let world = World::new(1).await;
    world.write(lives(0, 100)).await;
    let request = |switch, parts| {
        let parts = Some(Parts::try_from(parts).unwrap());
        Request { switch, parts, ..Request::default() }
    };
    let job = rebuild::start(&world.settings, &request(SwitchMode::Manual, 2)).await.unwrap();
    assert_eq!(job.run(Stop::default()).await.unwrap(), Outcome::Ready { build: 2 });
    let refused = world.start_as(&request(SwitchMode::Auto, 3)).await;
    let error = refused.err().expect("it has another number of parts");
    assert!(matches!(error, Error::OtherParts { made: 2, .. }), "{error}");
    let row = rebuild::list(&world.settings.database, 1).await.unwrap().remove(0);
    assert_eq!((row.state, row.switch), (State::Ready, SwitchMode::Manual));
    assert!(matches!(world.rebuild_into(Some(2)).await.0, Outcome::Active { build: 2, .. }));
}

/// The parts are written one by one. If the step fails after the last of them, all are written again.
#[tokio::test(flavor = "multi_thread")]
async fn parts_that_were_derived_are_derived_again() {
    let world = World::new(3).await;
    world.write(mixed(7, 6000)).await;
    world.apply_live().await;
    let client = world.client().await;
    client
        .batch_execute(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('attempts') = 1 THEN RAISE 'a test' USING ERRCODE = 'serialization_failure'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER fail_once AFTER UPDATE ON public.rebuilds FOR EACH ROW
             WHEN (OLD.state = 'deriving' AND NEW.state = 'catching_up') EXECUTE FUNCTION fail_once()",
        )
        .await
        .unwrap();
    let (outcome, view) = world.rebuild_into(Some(3)).await;
    assert_eq!(outcome, Outcome::Active { build: 2, replaced: Some(1) }, "{view:?}");
    let attempts: i64 = client.query_one("SELECT last_value FROM attempts", &[]).await.unwrap().get(0);
    assert_eq!(attempts, 2);
    world.assert_tables_follow_from_the_log().await;
}
