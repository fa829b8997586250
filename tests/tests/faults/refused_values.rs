//! Faults 15 and 56: values that only the database refuses.

use end_to_end::harness::{NewRecord, Stage, raw};

use crate::support::events;

/// The test adds a constraint that only the database knows.
#[tokio::test]
async fn fault_15_value_that_only_the_database_refuses() {
    let stage = Stage::new().await;
    stage.create_topic(4).await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "ALTER TABLE build_1.order_history ADD CHECK (order_id NOT IN ('O-7', 'O-400', 'O-401', 'O-1999'))",
    )
    .await
    .unwrap();
    stage.send(events(0..2000, 4)).await;
    stage.catch_up().await;
    // Order n is the record at offset n / 4 in partition n modulo 4.
    let report = stage.check_refused(&[(3, 1), (0, 100), (1, 100), (3, 499)]).await;
    assert_eq!((report.records, report.dead_letters, report.orders), (2000, 4, 1996));
    let dead_letters = "SELECT cause, error, order_id FROM public.dead_letters ORDER BY order_id";
    for (row, order_id) in
        sql.query(dead_letters, &[]).await.unwrap().iter().zip(["O-1999", "O-400", "O-401", "O-7"])
    {
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(2)), ("refused_by_database", order_id));
        assert!(row.get::<_, &str>(1).contains("23514"), "{}", row.get::<_, &str>(1));
    }
}

/// The table of the dead letters refuses the text as well, so the last resort is one that only has ASCII.
#[tokio::test]
async fn fault_56_dead_letter_that_the_database_refuses() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.catch_up().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "ALTER TABLE build_1.order_history ADD CHECK (order_id !~ '[^ -~]');
         ALTER TABLE build_1.dead_letters ADD CHECK (order_id !~ '[^ -~]'), ADD CHECK (error !~ '[^ -~]'),
             ADD CHECK (headers::text !~ '[^ -~]')",
    )
    .await
    .unwrap();
    let refused = raw(r#"{"event":"OrderPaid","order_id":"Zoé","note":"é"}"#);
    stage.send(events(0..20, 1)).await;
    stage.send(vec![NewRecord { headers: vec![("who", "Zoé")], ..refused }]).await;
    stage.send(events(20..40, 1)).await;
    stage.catch_up().await;
    let rows = sql.query("SELECT order_id, payload, headers::text, cause FROM build_1.dead_letters", &[]);
    let rows = rows.await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, &str>(0), r"Zo\u{e9}");
    assert!(rows[0].get::<_, &str>(2).contains(r"Zo\\u{e9}"), "{}", rows[0].get::<_, &str>(2));
    assert_eq!(rows[0].get::<_, &str>(3), "refused_by_database");
    let payload = String::from_utf8(rows[0].get(1)).unwrap();
    assert!(payload.contains("Zoé"), "the bytes are kept: {payload}");
    let applied: i64 = sql.query_one("SELECT count(*) FROM public.order_history", &[]).await.unwrap().get(0);
    assert_eq!(applied, 40, "the record holds up no other");
}
