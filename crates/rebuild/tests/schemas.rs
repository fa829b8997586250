//! A schema that becomes known while a rebuild runs.
#![allow(clippy::unwrap_used)] // a test

mod common;

use common::events::{Written, lives};
use common::{World, eventually};
use event_log::{ChunkLimits, Replay, Span};
use orders::{Position, SchemaId, SchemaText};
use rebuild::{FailureCause, Outcome, Settings, Stop};
use schema_registry::SchemaLookup;
use views::SessionKind;
use views::apply::Codec;

/// Its id is 77.
fn framed() -> Written {
    let value = "\0\0\0\0M{\"event\":\"OrderPaid\",\"order_id\":\"framed\"}".to_owned();
    Written { key: None, value, traceparent: None }
}

impl World {
    /// Some orders, and one dead letter for want of a schema.
    async fn with_dead_letter() -> Self {
        let world = Self::new(1).await;
        world.write(lives(0, 100)).await;
        world.write(vec![framed()]).await;
        world.apply_live().await;
        assert_eq!(world.dead_letter().await, ("open".into(), "bad_json".into()));
        world
    }

    /// What another process would see of it, which knows no schemas yet.
    fn of_another_process(&self) -> Self {
        let codec = Codec::new(&self.settings.codec.topic, self.settings.codec.max_record_bytes);
        let schemas = SchemaLookup::new(&codec.schemas, &self.settings.database, None);
        Self { settings: Settings { codec, schemas, ..self.settings.clone() }, url: self.url.clone() }
    }

    async fn dead_letter(&self) -> (String, String) {
        let select = "SELECT state, cause FROM public.dead_letters WHERE payload LIKE '%framed%'";
        let row = self.client().await.query_one(select, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// Runs a rebuild until it would enter `state`, and ends its process there.
    async fn rebuild_up_to(&self, state: &str) {
        let client = self.client().await;
        client
            .batch_execute(&format!(
                "CREATE SEQUENCE held;
                 CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM nextval('held'); RAISE 'not yet' USING ERRCODE = '53000'; END $$;
                 CREATE TRIGGER hold BEFORE UPDATE ON public.rebuilds FOR EACH ROW
                 WHEN (OLD.state <> NEW.state AND NEW.state = '{state}') EXECUTE FUNCTION hold()"
            ))
            .await
            .unwrap();
        let run = tokio::spawn(self.start().await.run(Stop::default()));
        let is_held =
            async || -> bool { client.query_one("SELECT is_called FROM held", &[]).await.unwrap().get(0) };
        eventually("the state", is_held).await;
        run.abort();
        let _ = run.await;
        client.batch_execute("DROP FUNCTION hold CASCADE; DROP SEQUENCE held").await.unwrap();
    }

    /// Continues the rebuild, or starts another one, and expects it to succeed.
    async fn finish(&self) {
        let (outcome, _) = self.rebuild().await;
        assert!(matches!(outcome, Outcome::Active { .. }), "{outcome:?}");
    }

    async fn keep_schema(&self) {
        let session = self.settings.database.session("test", SessionKind::Short).await.unwrap();
        let schema = SchemaText { schema_type: "JSON".into(), text: "{}".into(), has_references: false };
        views::schemas::keep(&session, SchemaId(77), &schema).await.unwrap();
    }

    /// As an operator does, in a process of its own.
    async fn retry(&self) {
        let Settings { database, codec, schemas, kafka, .. } = self.of_another_process().settings;
        let spans = self.ends().await.into_iter();
        let spans = spans.map(|(partition, to)| (partition, Span { from: Position(to.0 - 1), to })).collect();
        let chunk =
            Replay::start(&kafka, spans, ChunkLimits::default()).unwrap().next().await.unwrap().unwrap();
        let records: Vec<_> = chunk.records().map(|(_, record)| record).collect();
        schemas.learn_again(records.iter().copied()).await.unwrap();
        let mut session = database.session("test", SessionKind::Short).await.unwrap();
        views::dead_letters::retry(&mut session, &codec, "found", &records).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_for_want_of_a_schema_stays_one_until_it_is_retried() {
    let world = World::with_dead_letter().await;
    world.rebuild_up_to("verifying").await;
    world.keep_schema().await;
    let other = world.of_another_process();
    other.finish().await;
    assert_eq!(world.dead_letter().await, ("open".into(), "bad_json".into()));
    world.retry().await;
    assert_eq!(world.dead_letter().await, ("retried".into(), "bad_json".into()));
    // The next rebuild reads the log with the schema.
    other.finish().await;
    let orders = "SELECT count(*) FROM public.orders WHERE order_id = 'framed'";
    assert_eq!(world.client().await.query_one(orders, &[]).await.unwrap().get::<_, i64>(0), 1);
}

/// The process that rebuilds has asked for the schema in vain a moment before it was found, which it would not do again
/// for some seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_counts_in_a_rebuild_that_had_not_found_the_schema() {
    for (state, begins_again) in [("verifying", false), ("deriving", true)] {
        let world = World::with_dead_letter().await;
        world.rebuild_up_to(state).await;
        if begins_again {
            rebuild::cancel_unfinished(&world.settings, "orders").await.unwrap();
        }
        world.keep_schema().await;
        world.retry().await;
        assert_eq!(world.dead_letter().await, ("retried".into(), "bad_json".into()));
        world.finish().await;
        assert_eq!(world.dead_letter().await, ("retried".into(), "bad_json".into()), "{state}");
    }
}

/// A record is an event in the live tables, and a rebuild met it a moment before its schema was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_lacked_a_schema_of_the_live_tables_is_not_switched_to() {
    let world = World::new(1).await;
    world.keep_schema().await;
    world.write(lives(0, 100)).await;
    world.write(vec![framed()]).await;
    world.apply_live().await;
    let client = world.client().await;
    client.batch_execute("CREATE TABLE later AS TABLE schemas; DELETE FROM schemas").await.unwrap();
    let other = world.of_another_process();
    let (outcome, view) = other.rebuild().await;
    assert!(matches!(outcome, Outcome::Failed { cause: FailureCause::Difference, .. }), "{outcome:?}");
    let differences = view.differences.unwrap();
    let expected = differences.listed[0].expected.as_deref().unwrap();
    assert!(
        differences.total == 1 && expected.starts_with("an event, as in the live tables"),
        "{differences:?}"
    );
    client.batch_execute("INSERT INTO schemas TABLE later").await.unwrap();
    world.of_another_process().finish().await;
    let dead_letters = "SELECT count(*) FROM public.dead_letters";
    assert_eq!(client.query_one(dead_letters, &[]).await.unwrap().get::<_, i64>(0), 0);
}
