//! Fault 55: the role that our programs connect as has settings of its own.

use end_to_end::harness::{GIVE_UP_AFTER, Stage};
use tokio_postgres::{Client, Row};

use crate::support::{events, events_named};

/// Settings of text, each with a value that would do harm, in quotes.
const TEXTS: [(&str, &str); 15] = [
    ("search_path", "'nowhere', 'pg_catalog'"),
    ("DateStyle", "'SQL', 'DMY'"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("timezone_abbreviations", "'India'"),
    ("client_encoding", "'LATIN1'"),
    ("lc_messages", "'C'"),
    ("lc_monetary", "'C'"),
    ("lc_numeric", "'C'"),
    ("lc_time", "'C'"),
    ("default_tablespace", "'nowhere'"),
    ("temp_tablespaces", "'nowhere'"),
    ("default_table_access_method", "'nowhere'"),
    ("default_text_search_config", "'pg_catalog.simple'"),
    ("createrole_self_grant", "'set'"),
    ("restrict_nonsystem_relation_kind", "'view', 'foreign-table'"),
];

/// Settings that are left out, by the beginning of their name, and why.
const LEFT_OUT: [(&str, &str); 15] = [
    ("log_", "only says what the server logs"),
    ("debug_p", "only says what the server logs; debug_parallel_query is checked below"),
    ("trace_", "only says what the server logs"),
    ("local_preload_libraries", "names libraries, and a missing one refuses every session"),
    ("session_preload_libraries", "names libraries, and a missing one refuses every session"),
    ("dynamic_library_path", "says where libraries are"),
    ("extension_control_path", "says where libraries are"),
    ("backtrace_functions", "only says what the server logs"),
    ("wal_consistency_checking", "is for those who develop PostgreSQL"),
    ("default_toast_compression", "only says how values are compressed, and some servers have only one way"),
    ("default_transaction_read_only", "asks that nothing is written; fault 12 is about it"),
    ("application_name", "is set by every session for itself"),
    ("max_stack_depth", "only a superuser can set it, for the server's own safety"),
    ("temp_file_limit", "only a superuser can set it, and it is meant to stop what uses too much"),
    ("transaction_", "is of a transaction, not of a session; transaction_timeout is checked below"),
];

/// Which of its values a setting gets.
#[derive(Clone, Copy, PartialEq)]
enum Odd {
    Low,
    High,
}

/// A value that the setting does not have now; none if the setting is left out.
fn odd_value(row: &Row, odd: Odd) -> Option<String> {
    let (name, kind, now): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
    // It also ends the very first statement of a session.
    if name == "transaction_timeout" {
        return Some("'300ms'".into());
    }
    if name != "debug_parallel_query" && LEFT_OUT.iter().any(|(left_out, _)| name.starts_with(left_out)) {
        return None;
    }
    match kind {
        "bool" => Some(if now == "on" { "off" } else { "on" }.to_owned()),
        "enum" => {
            let values: Vec<String> = row.get(5);
            let mut others = values.into_iter().filter(|value| value != now);
            let other = if odd == Odd::Low { others.next() } else { others.next_back() };
            other.map(|value| format!("'{value}'"))
        }
        "integer" | "real" => {
            let (low, high): (&str, &str) = (row.get(3), row.get(4));
            let low: f64 = low.parse().ok()?;
            // With infinite costs there are no plans at all.
            let high: f64 = high.parse::<f64>().ok()?.min(1e10);
            Some(if odd == Odd::Low { low.max(1.0) } else { high }.to_string())
        }
        _ => TEXTS.iter().find(|(text, _)| *text == name).map(|(_, value)| (*value).to_owned()),
    }
}

/// Gives the role every setting that a role may be given, and returns their number.
async fn give_settings(sql: &Client, role: &str, odd: Odd) -> usize {
    let query = "SELECT name, vartype, setting, min_val, max_val, enumvals FROM pg_settings
                 WHERE context IN ('user', 'superuser') ORDER BY name";
    let mut given = 0;
    for row in sql.query(query, &[]).await.unwrap() {
        let name: &str = row.get(0);
        let Some(value) = odd_value(&row, odd) else {
            let reason = LEFT_OUT.iter().find(|(left_out, _)| name.starts_with(left_out));
            let (_, reason) = reason.unwrap_or_else(|| panic!("{name} is left out, and nothing says why"));
            println!("left out: {name}, which {reason}");
            continue;
        };
        let set = format!("ALTER ROLE {role} SET {name} = {value}");
        match sql.batch_execute(&set).await {
            Ok(()) => given += 1,
            Err(error) => println!("left out: {set}: {}", error.as_db_error().unwrap().message()),
        }
    }
    given
}

/// A role that owns the database, a schema that is named like it, and objects that are named like ours and like
/// PostgreSQL's own.
async fn role_with_shadows(sql: &Client) -> String {
    let database: String = sql.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    let role = format!("role_of_{database}");
    sql.batch_execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; ALTER DATABASE {database} OWNER TO {role};
         CREATE SCHEMA {role} AUTHORIZATION {role};
         CREATE TABLE {role}.orders (x integer); CREATE TABLE {role}.builds (x integer);
         CREATE TABLE {role}.positions (x integer); CREATE TABLE {role}.refinery_schema_history (x integer);
         CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
         CREATE FUNCTION public.hashtext(text) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
         CREATE FUNCTION public.octet_length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
         CREATE FUNCTION public.jsonb_concat(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
         CREATE OPERATOR public.|| (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = public.jsonb_concat);
         CREATE FUNCTION public.no_text(text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
         CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = public.no_text);
         CREATE FUNCTION public.nothing(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.nothing);
         CREATE FUNCTION public.nothing(\"char\", \"char\") RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE OPERATOR public.= (LEFTARG = \"char\", RIGHTARG = \"char\", FUNCTION = public.nothing)"
    ))
    .await
    .unwrap();
    role
}

async fn works_under_settings(odd: Odd) {
    let mut stage = Stage::new().await;
    stage.create_topic(2).await;
    let sql = stage.sql().await;
    let role = role_with_shadows(&sql).await;
    let given = give_settings(&sql, &role, odd).await;
    println!("{given} settings");
    assert!(given > 100, "{given} settings");
    stage.send(events(0..300, 2)).await;
    // Not in the order of their sequences, so that the rows are merged in Rust.
    stage.send(events_named("OrderShipped", 0..300, 2)).await;
    stage.send(events_named("OrderPaid", 0..300, 2)).await;

    let url = stage.database_url.clone();
    let (_, server) = url.split_once('@').unwrap();
    stage.database_url = format!("postgres://{role}:secret@{server}");
    stage.catch_up().await;
    stage.program("replay-rebuild").succeed(2 * GIVE_UP_AFTER).await;
    let api = stage.api().await;
    for path in [
        "/orders?as_of_offsets=0=100,1=100&limit=5",
        "/orders/O-7?as_of_offsets=0=100,1=100",
        "/stats",
        "/orders?limit=5",
    ] {
        let answer = api.get(path).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
    }
    stage.send(vec![end_to_end::harness::raw("{")]).await;
    stage.catch_up().await;
    let dead_letters = api.get("/dead-letters").await;
    assert!(dead_letters.body.contains("bad_json"), "{}", dead_letters.body);

    stage.database_url = url;
    let report = stage.check().await;
    assert_eq!((report.records, report.orders, report.dead_letters), (901, 300, 1));
    assert_eq!(report.build, "build_2");
    let in_role: i64 =
        sql.query_one(&format!("SELECT count(*) FROM {role}.builds"), &[]).await.unwrap().get(0);
    assert_eq!(in_role, 0, "nothing is written to tables of others");
}

#[tokio::test]
async fn fault_55_settings_of_the_role() {
    works_under_settings(Odd::Low).await;
}

#[tokio::test]
#[ignore = "slow: ./food-orders test --faults"]
async fn fault_55_high_settings_of_the_role() {
    works_under_settings(Odd::High).await;
}
