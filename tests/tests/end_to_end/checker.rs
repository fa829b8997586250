//! `food-orders-check` finds every manipulation of the tables, and reports it by its exit code.

use std::time::Duration;

use end_to_end::harness::{GIVE_UP_AFTER, Program, Stage};

const TABLES: [&str; 5] = ["orders", "order_history", "dead_letters", "positions", "totals"];

async fn check(stage: &Stage, arguments: &str) -> (i32, String) {
    let mut checker: Program = stage.program("food-orders-check").args(arguments).start();
    let code = checker.exit_code(GIVE_UP_AFTER).await;
    (code, checker.log())
}

#[tokio::test]
async fn a_difference_in_any_column_is_found() {
    let stage = Stage::new().await;
    stage.produce("--orders 200 --cancel-share 0.5 --seed 4").await;
    stage.catch_up().await;
    assert_eq!(check(&stage, "").await.0, 0);

    let sql = stage.sql().await;
    let columns = "SELECT table_name, column_name, data_type FROM information_schema.columns
                   WHERE table_schema = 'build_1' AND table_name IN ('orders', 'order_history')
                       AND column_name NOT IN ('first_sequence', 'winners', 'status_before', 'decision', 'kept_by')
                   ORDER BY 1, 2";
    let columns = sql.query(columns, &[]).await.unwrap();
    assert_eq!(columns.len(), 17 + 12);
    for row in columns {
        let (table, column, kind): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let other = match (table, column, kind) {
            ("order_history", "details", _) => r#"(coalesce("COLUMN", '{}')::jsonb || '{"x": 1}')::text"#,
            ("orders", "details", _) => r#"concat_ws(',', "COLUMN", '"x": 1')"#,
            (_, _, "\"char\"") => r#"CASE "COLUMN" WHEN 'D' THEN 'S' ELSE 'D' END"#,
            (_, _, "uuid") => "gen_random_uuid()",
            (_, _, "text") => r#"coalesce("COLUMN", '') || 'x'"#,
            (_, _, "timestamp with time zone") => r#"coalesce("COLUMN", now()) + interval '1 microsecond'"#,
            _ => r#"coalesce("COLUMN", 0) + 1000000"#,
        };
        let other = other.replace("COLUMN", column);
        let one = format!("ctid = (SELECT min(ctid) FROM build_1.{table})");
        let change = format!("UPDATE build_1.{table} SET \"{column}\" = {other} WHERE {one}");
        sql.batch_execute(&format!("CREATE TABLE kept AS TABLE build_1.{table}; {change}")).await.unwrap();
        let (code, log) = check(&stage, "").await;
        assert_eq!(code, 7, "{table}.{column}:\n{log}");
        assert!(log.contains(table), "{log}");
        let restore =
            format!("TRUNCATE build_1.{table}; INSERT INTO build_1.{table} TABLE kept; DROP TABLE kept");
        sql.batch_execute(&restore).await.unwrap();
    }
    assert_eq!(check(&stage, "").await.0, 0, "the tables are restored");
}

#[tokio::test]
async fn details_are_compared_by_their_meaning() {
    let stage = Stage::new().await;
    stage.produce("--orders 50 --seed 6").await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    let otherwise = [
        "UPDATE build_1.order_history SET details = details::jsonb::text WHERE details IS NOT NULL",
        "UPDATE build_1.orders SET details = '\"items\": 7, ' || details WHERE details LIKE '%\"items\"%'",
    ];
    for statement in otherwise {
        assert!(sql.execute(statement, &[]).await.unwrap() >= 50, "{statement}");
        let (code, log) = check(&stage, "").await;
        assert_eq!(code, 0, "{statement}:\n{log}");
    }
    let no_json = [
        (
            "order_history",
            "UPDATE build_1.order_history SET details = '{' WHERE partition = 0 AND \"offset\" = 0",
        ),
        (
            "orders",
            "UPDATE build_1.orders SET details = '}' WHERE order_id = (SELECT min(order_id) FROM build_1.orders)",
        ),
    ];
    for (table, statement) in no_json {
        assert_eq!(sql.execute(statement, &[]).await.unwrap(), 1, "{statement}");
        let (code, log) = check(&stage, "").await;
        assert!(code == 7 && log.contains(table) && log.contains("no JSON"), "{statement}: {code}\n{log}");
    }
}

#[tokio::test]
async fn missing_rows_additional_rows_and_wrong_positions_are_found() {
    let stage = Stage::new().await;
    stage.produce("--orders 50 --seed 5").await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    for (change, words) in [
        ("DELETE FROM build_1.orders WHERE order_id = (SELECT min(order_id) FROM build_1.orders)", "no row"),
        ("INSERT INTO build_1.orders (order_id, status, last_updated, sequence, first_sequence, winners)
          VALUES ('NOBODY', 'P', now(), 2, 2, '')", "NOBODY"),
        ("DELETE FROM build_1.order_history WHERE partition = 0 AND \"offset\" = 0", "partition 0 offset 0"),
        ("INSERT INTO build_1.order_history (partition, \"offset\", order_id, event, sequence, other_event_id, occurred_at, appended_at)
          VALUES (0, 9999, 'O', 'P', 2, 'x', now(), now())", "partition 0 offset 9999"),
        ("INSERT INTO build_1.dead_letters (partition, \"offset\", cause, error, payload_bytes, headers, appended_at)
          VALUES (0, 1, 'bad_json', '', 0, '[]', now())", "dead_letters"),
        ("UPDATE build_1.totals SET shipped = shipped + 1 WHERE partition = 0", "shipped"),
        ("UPDATE build_1.totals SET records = records - 1 WHERE partition = 0", "records"),
        ("UPDATE build_1.totals SET open_dead_letters = 1 WHERE partition = 0", "open_dead_letters"),
        ("UPDATE build_1.positions SET next_offset = next_offset + 1 WHERE partition = 0", "next_offset"),
        ("UPDATE build_1.positions SET next_offset = next_offset - 1 WHERE partition = 0", "next_offset"),
        ("CREATE OR REPLACE VIEW public.positions AS SELECT * FROM (SELECT view, partition, next_offset, owner_epoch, owner,
              owner_backend, leader_epoch, fingerprint, last_appended_at FROM build_1.positions LIMIT 0) AS p", "public"),
    ] {
        let keep = TABLES.map(|table| format!("CREATE TABLE kept_{table} AS TABLE build_1.{table};"));
        sql.batch_execute(&keep.concat()).await.unwrap();
        sql.batch_execute(change).await.unwrap();
        let (code, log) = check(&stage, "").await;
        if !change.starts_with("CREATE") {
            assert!(code == 7 && log.contains(words), "{change}: {code}\n{log}");
        }
        let restore = TABLES.map(|table| {
            format!("TRUNCATE build_1.{table}; INSERT INTO build_1.{table} TABLE kept_{table}; DROP TABLE kept_{table};")
        });
        sql.batch_execute(&restore.concat()).await.unwrap();
    }
    assert_eq!(check(&stage, "").await.0, 0, "the tables are restored");
}

#[tokio::test]
async fn it_waits_for_a_consumer_for_as_long_as_it_may() {
    let stage = Stage::new().await;
    stage.catch_up().await;
    stage.produce("--orders 50").await;
    let (code, log) = check(&stage, "").await;
    assert_eq!(code, 7, "{log}");
    let _consumer = stage.consumer();
    let (code, log) = check(&stage, "--wait 60").await;
    assert_eq!(code, 0, "{log}");
}

#[tokio::test]
async fn wrong_settings_end_with_exit_code_2() {
    let stage = Stage::new().await;
    let mut checker = stage.program("food-orders-check").env("MAX_RECORD_BYTES", "many").start();
    assert_eq!(checker.exit_code(Duration::from_secs(10)).await, 2);
    assert_eq!(check(&stage, "--as-of-samples 5").await.0, 2, "--as-of-samples needs --api");
}
