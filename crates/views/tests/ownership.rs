//! Which owner may write a partition, and from which position: two lanes on one database.
#![allow(clippy::unwrap_used)] // a test

mod common;

use orders::record::Headers;
use orders::{LogDigest, LogPrefix, Offset, Partition, Position, Record};
use tokio_postgres::Client;
use views::lane::Lane;
use views::{Build, Database, Error, Recovery, SessionKind};

const PARTITION: Partition = Partition(0);

struct World {
    database: Database,
    sql: Client,
}

impl World {
    async fn new() -> Self {
        let (database, url) = common::database().await;
        let sql = local_stack::sql_client(&url, None).await.unwrap();
        Self { database, sql }
    }

    /// A lane that has claimed the partition.
    async fn lane(&self, owner: &str) -> Lane {
        let mut lane = common::lane(&self.database, owner);
        lane.claim(&[PARTITION]).await.unwrap();
        lane
    }

    /// The next offset, and the numbers of history rows and dead letters.
    async fn state(&self) -> (i64, i64, i64) {
        let row = self
            .sql
            .query_one(
                "SELECT (SELECT next_offset FROM public.positions), (SELECT count(*) FROM public.order_history),
                     (SELECT count(*) FROM public.dead_letters)",
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1), row.get(2))
    }
}

fn record(offset: i64) -> Record<'static> {
    Record {
        partition: PARTITION,
        offset: Offset(offset),
        appended_millis: 1_790_000_000_000 + offset,
        key: None,
        value: Some(br#"{"event":"OrderCreated","order_id":"A"}"#),
        headers: Headers::default(),
    }
}

fn is_fenced<T: std::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Fenced { .. }))
}

#[tokio::test]
async fn a_stale_owner_writes_nothing() {
    let world = World::new().await;
    let mut stale = world.lane("the first").await;
    let mut owner = world.lane("the second").await;
    let written = stale.apply(&[record(0)], &[]).await;
    assert!(is_fenced(&written), "{written:?}");
    assert_eq!(world.state().await, (0, 0, 0));
    owner.apply(&[record(0)], &[]).await.unwrap();
    assert!(is_fenced(&stale.apply(&[record(0)], &[]).await));
    assert!(is_fenced(&stale.apply(&[], &[(PARTITION, Position(9))]).await), "nor does it move the position");
    owner.apply(&[record(1)], &[]).await.unwrap();
    assert_eq!(world.state().await, (2, 2, 0));
}

#[tokio::test]
async fn a_position_that_is_not_where_it_was_left_refuses_the_batch() {
    let world = World::new().await;
    let mut owner = world.lane("the owner").await;
    owner.apply(&[record(0)], &[]).await.unwrap();
    for elsewhere in [0, 5] {
        let moved = format!("UPDATE build_1.positions SET next_offset = {elsewhere}");
        world.sql.batch_execute(&moved).await.unwrap();
        let written = owner.apply(&[record(1)], &[]).await;
        assert!(is_fenced(&written), "{written:?}");
        assert_eq!(world.state().await, (elsewhere, 1, 0));
    }
}

fn prefix(position: i64, records: &[Record<'_>]) -> LogPrefix {
    let mut digest = LogDigest::default();
    for record in records {
        digest.add(record);
    }
    LogPrefix { position: Position(position), digest }
}

/// A dead letter and a record that only PostgreSQL refuses, which halves the batch, were read like all
/// others. Those below the position were not.
#[tokio::test]
async fn a_position_stands_for_the_records_that_were_read() {
    let world = World::new().await;
    let session = world.database.session("test", SessionKind::Short).await.unwrap();
    let is = async |expected: LogPrefix| {
        assert_eq!(Build(1).log_prefixes(&session).await.unwrap(), [(PARTITION, expected)].into());
    };
    let bad = Record { value: Some(b"{"), ..record(65_534) };
    let refused = br#"{"event":"OrderCreated","order_id":"A","weight":1e999999}"#;
    let refused = Record { value: Some(refused), ..record(65_536) };
    let mut all = vec![record(65_530), bad, record(65_535), refused, record(65_537)];
    let mut first = world.lane("the first").await;
    let applied = first.apply(&all, &[]).await.unwrap();
    assert_eq!((applied.records, applied.dead_letters), (3, 2));
    is(prefix(65_538, &all)).await;

    let mut second = world.lane("the second").await;
    all.push(record(131_071));
    second.apply(&[record(65_535), record(65_537), record(131_071)], &[]).await.unwrap();
    second.apply(&[], &[(PARTITION, Position(131_080))]).await.unwrap();
    is(prefix(131_080, &all)).await;

    let checkpoints = Build(1).log_checkpoints(&session).await.unwrap();
    let expected = vec![prefix(65_536, &all[..3]), prefix(131_072, &all)];
    assert_eq!(checkpoints, [(PARTITION, expected)].into());
}

/// A session that took a lock as a lane does and then froze: in a batch, or in its own claim of a partition that
/// nobody has claimed before. A session of another program is left alone.
#[tokio::test]
async fn a_frozen_owner_is_ended_after_five_seconds() {
    let of_a_batch = "UPDATE build_1.positions SET next_offset = 0 WHERE partition = 0";
    let of_a_claim = "INSERT INTO build_1.positions (view, partition, next_offset, owner_epoch) VALUES ('orders', 0, 0, 0)";
    tokio::join!(
        async {
            let world = World::new().await;
            world.lane("the first").await;
            world.takes_over_from(of_a_batch).await;
        },
        async {
            World::new().await.takes_over_from(of_a_claim).await;
        },
    );
}

impl World {
    async fn takes_over_from(&self, statement: &str) {
        let name = "SET application_name = 'food-orders lane'";
        self.sql.batch_execute(&format!("{name}; BEGIN; {statement}")).await.unwrap();
        let began = std::time::Instant::now();
        self.lane("the next").await;
        let took = began.elapsed();
        assert!((5.0..15.0).contains(&took.as_secs_f64()), "{took:?}");
        assert!(self.sql.batch_execute("COMMIT").await.is_err(), "its session has ended");
    }
}

/// Another build would be active by now if this one had been dropped by a rebuild.
#[tokio::test]
async fn tables_of_the_active_build_that_are_gone_are_not_waited_for() {
    let world = World::new().await;
    world.sql.batch_execute("DROP SCHEMA build_1 CASCADE").await.unwrap();
    let error = common::lane(&world.database, "one").claim(&[PARTITION]).await.unwrap_err();
    assert_eq!(error.recovery(), Recovery::Stop, "{error}");
    assert!(error.to_string().contains("restore the database"), "{error}");
}
