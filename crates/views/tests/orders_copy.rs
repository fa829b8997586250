//! Writing a build's orders in bulk, while another process takes the rebuild over.
#![allow(clippy::unwrap_used)] // a test

mod common;

use orders::LogIdentity;
use views::rebuild::{self, NewRebuild, OrdersCopy, RowOwner, State, SwitchMode};
use views::{Error, ORDERS, Part, Parts, SessionKind, Totals};

#[tokio::test]
async fn a_process_that_lost_the_rebuild_writes_no_orders() {
    let (database, url) = common::database().await;
    let mut session = database.session("test", SessionKind::Short).await.unwrap();
    let switch = SwitchMode::Auto;
    let new = NewRebuild { view: ORDERS, switch, keep_history: None, parts: None, runner: "one" };
    let rebuild = rebuild::insert(&session, &new).await.unwrap();
    let [one, other] = ["one", "the other"].map(|name| RowOwner { rebuild, name: name.into() });
    let log =
        LogIdentity { cluster_id: "c".into(), topic: "food-orders".into(), topic_id: None, partitions: 1 };
    let plan = serde_json::Value::Null;
    let build = one.create_build(&mut session, &log, 1_000_000, Parts::ONE, &plan).await.unwrap();
    one.advance(&session, State::Loading, State::Deriving).await.unwrap();

    let mut copy = OrdersCopy::begin(&mut session, build, Part::All).await.unwrap();
    copy.write(common::one_order("ORD-1")).await.unwrap();
    let elsewhere = database.session("test", SessionKind::Short).await.unwrap();
    other.adopt(&elsewhere, switch, None, None).await.unwrap();
    let error = copy.finish(&one).await.unwrap_err();
    assert!(matches!(error, Error::NotTheOwner { .. }), "{error}");
    let error = build.finish_orders(&mut session, &one, &Totals::default()).await.unwrap_err();
    assert!(matches!(error, Error::NotTheOwner { .. }), "{error}");

    let sql = local_stack::sql_client(&url, None).await.unwrap();
    let orders = format!("SELECT count(*) FROM build_{build}.orders");
    assert_eq!(sql.query_one(&orders, &[]).await.unwrap().get::<_, i64>(0), 0);
}
