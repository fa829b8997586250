//! Faults 65 and 66: what happens to the log and to a new build before it is switched in.

use std::time::Instant;

use end_to_end::harness::{GIVE_UP_AFTER, NewRecord, Program, Stage, eventually};

use crate::hot_orders::of_one_order;
use crate::rebuilds::{DIFFERENCE, Held, active, keyed, lives, only_if, recreate_topic};
use crate::support::{LOG_IDENTITY, wait_until_all_applied};

/// A rebuild whose switch waits for a long read of the public views.
struct Waiting {
    reader: tokio_postgres::Client,
    rebuild: Program,
}

impl Waiting {
    async fn start(stage: &Stage) -> Self {
        let reader = stage.sql().await;
        reader.batch_execute("BEGIN; SELECT * FROM public.orders LIMIT 1").await.unwrap();
        let rebuild = stage.program("replay-rebuild").start();
        let sql = stage.sql().await;
        eventually("the switch waits", 2 * GIVE_UP_AFTER, async || {
            let waits = "SELECT FROM public.rebuilds WHERE state = 'switching' AND progress ->> 'waits_for' IS NOT NULL";
            sql.query_opt(waits, &[]).await.unwrap().map(drop)
        })
        .await;
        Self { reader, rebuild }
    }

    /// Ends the long read. Returns the exit code and the output of the rebuild.
    async fn end(mut self) -> (i32, String) {
        self.reader.batch_execute("COMMIT").await.unwrap();
        let code = self.rebuild.exit_code(2 * GIVE_UP_AFTER).await;
        (code, self.rebuild.log())
    }
}

/// Somebody has to hold the lock of the live positions. All that an attempt of the switch does before is over then.
async fn wait_until_the_lock_is_asked_for(stage: &Stage) {
    let sql = stage.sql().await;
    eventually("the switch waits for its lock", GIVE_UP_AFTER, async || {
        let waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'build_1.positions'::regclass";
        sql.query_opt(waits, &[]).await.unwrap().map(drop)
    })
    .await;
}

async fn stage_with_orders() -> Stage {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(lives(0..20)).await;
    stage.catch_up().await;
    stage
}

#[tokio::test]
async fn fault_65_log_changes_while_the_switch_waits() {
    let stage = stage_with_orders().await;
    // Records that the live tables have applied and that the new build has not read yet are deleted.
    let waiting = Waiting::start(&stage).await;
    stage.send(lives(20..30)).await;
    stage.catch_up().await;
    stage.delete_records(0, 70).await;
    let (code, log) = waiting.end().await;
    assert_eq!(code, LOG_IDENTITY, "{log}");
    assert_eq!(active(&stage).await.0, 1);

    let stage = stage_with_orders().await;
    let waiting = Waiting::start(&stage).await;
    recreate_topic(&stage).await;
    stage.send(lives(0..20)).await;
    let (code, log) = waiting.end().await;
    assert_eq!(code, LOG_IDENTITY, "{log}");
    assert!(log.contains("created again"), "{log}");
    assert_eq!(active(&stage).await.0, 1);
}

/// The topic is deleted when all that is done before the lock is over, and the switch waits for the lock.
#[tokio::test]
async fn fault_65_topic_deleted_while_the_switch_waits_for_its_lock() {
    let stage = stage_with_orders().await;
    let holder = stage.sql().await;
    holder.batch_execute("BEGIN; UPDATE build_1.positions SET owner = owner").await.unwrap();
    let mut rebuild = stage.program("replay-rebuild").start();
    // By then an attempt waits for a second, which is longer than the deletion takes.
    for attempt in 1..=5 {
        rebuild.wait_for_log(&format!("attempt={attempt} "), 2 * GIVE_UP_AFTER).await;
    }
    wait_until_the_lock_is_asked_for(&stage).await;
    stage.delete_topic().await;
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rebuild.exit_code(2 * GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", rebuild.log());
    assert!(rebuild.log().contains("no longer exists"), "{}", rebuild.log());
    assert_eq!(active(&stage).await.0, 1);
}

/// What is applied after the verification is verified as well.
#[tokio::test]
async fn fault_66_row_damaged_after_the_verification() {
    let damage = |table: &str, change: &str| {
        format!(
            "CREATE FUNCTION damage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; RETURN NEW; END $$;
             CREATE TRIGGER damage BEFORE INSERT ON build_2.{table} FOR EACH ROW EXECUTE FUNCTION damage()"
        )
    };
    for (table, change, words) in [
        ("order_history", "NEW.other_event_id := 'another'", "event_id"),
        ("orders", "NEW.status := 'X'", "status"),
        ("dead_letters", "NEW.cause := 'bad_json'", "cause"),
        ("dead_letters", "NEW.error := 'another'", "error"),
        ("dead_letters", "NEW.key := NULL", "key"),
        ("totals", "NEW.shipped := NEW.shipped + 1", "shipped"),
        ("totals", "NEW.open_dead_letters := 0", "open_dead_letters"),
    ] {
        let stage = stage_with_orders().await;
        let waiting = Waiting::start(&stage).await;
        stage.sql().await.batch_execute(&damage(table, change)).await.unwrap();
        stage.send(lives(20..25)).await;
        stage.send(vec![keyed(1)]).await;
        stage.catch_up().await;
        let (code, log) = waiting.end().await;
        assert_eq!(code, DIFFERENCE, "{table}: {log}");
        assert!(log.contains(table) && log.contains(words), "{log}");
        assert_eq!(active(&stage).await.0, 1);
    }

    // A row that was verified before the lock was taken, and damaged since.
    let stage = stage_with_orders().await;
    let waiting = Waiting::start(&stage).await;
    stage.send(lives(20..25)).await;
    stage.catch_up().await;
    let holder = stage.sql().await;
    holder.batch_execute("BEGIN; UPDATE build_1.positions SET owner = owner").await.unwrap();
    let sql = stage.sql().await;
    let ended = async {
        wait_until_the_lock_is_asked_for(&stage).await;
        let damage = "UPDATE build_2.order_history SET trace_id = gen_random_uuid() WHERE \"offset\" = 62";
        assert_eq!(sql.execute(damage, &[]).await.unwrap(), 1);
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let ((code, log), ()) = tokio::join!(waiting.end(), ended);
    assert_eq!(code, DIFFERENCE, "{log}");
    assert!(log.contains("order_history partition 0 offset 62"), "{log}");
    wait_until_all_applied(&stage).await;
}

/// The order has a record in every stretch that a switch has to verify, and a history that takes longer to fold than
/// the switch may hold the consumer off.
#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_66_order_with_a_long_history_that_receives_records() {
    const RECORDS: u32 = 1_500_000;
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    for start in (0..RECORDS).step_by(20_000) {
        stage.send(of_one_order(start..start + 20_000)).await;
    }
    let consumer = stage.consumer();
    wait_until_all_applied(&stage).await;
    let mut rebuild = stage.program("replay-rebuild").env("RUST_LOG", "info").start();
    let deadline = Instant::now() + 2 * GIVE_UP_AFTER;
    let mut records = RECORDS;
    while !rebuild.has_ended() {
        stage.send(of_one_order(records..records + 100)).await;
        records += 100;
        assert!(Instant::now() < deadline, "the rebuild has not ended:\n{}", rebuild.log());
    }
    let code = rebuild.exit_code(GIVE_UP_AFTER).await;
    assert_eq!(code, 0, "{}", rebuild.log());
    println!("{} records came meanwhile:\n{}", records - RECORDS, rebuild.log());
    wait_until_all_applied(&stage).await;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders), (records as usize, 1));
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// What a dead letter keeps of its record is compared, and a record that PostgreSQL is said to refuse is tried again.
#[tokio::test]
async fn fault_66_dead_letters_of_a_build_that_is_verified() {
    // PostgreSQL refuses one record in each build that is made.
    let refuse = "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
        DECLARE history regclass := to_regclass('build_2.order_history');
        BEGIN
            IF history IS NOT NULL AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = history AND contype = 'c') THEN
                ALTER TABLE build_2.order_history ADD CHECK (other_event_id <> 'refused');
            END IF;
        END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse()";
    let value = br#"{"event":"OrderPaid","order_id":"O-1","event_id":"refused"}"#;
    for (damage, words) in [
        ("SELECT 1", None),
        ("UPDATE build_2.dead_letters SET payload = 'x' WHERE \"offset\" = 0", Some("payload")),
        ("UPDATE build_2.dead_letters SET headers = '[[\"a\",\"b\"]]' WHERE \"offset\" = 1", Some("headers")),
        (
            "ALTER TABLE build_2.order_history DROP CONSTRAINT order_history_other_event_id_check",
            Some("takes the record"),
        ),
    ] {
        let stage = Stage::new().await;
        stage.create_topic(1).await;
        stage.send(vec![keyed(1), NewRecord { value: Some(value.to_vec()), ..keyed(1) }]).await;
        stage.send(lives(0..5)).await;
        stage.catch_up().await;
        stage.sql().await.batch_execute(refuse).await.unwrap();
        let loaded = only_if("SELECT count(*) = 15 FROM build_2.order_history");
        let held = Held::start(&stage, "", &loaded).await;
        held.holder.batch_execute(damage).await.unwrap();
        let (code, log) = held.release().await;
        let expected = if words.is_some() { DIFFERENCE } else { 0 };
        assert_eq!(code, expected, "{damage}: {log}");
        assert!(words.is_none_or(|words| log.contains(words)), "{damage}: {log}");
    }
}
