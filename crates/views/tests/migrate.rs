//! A database of an older version, brought up to this one.
#![allow(clippy::unwrap_used)] // a test

use secrecy::SecretString;
use views::Database;

/// Builds are not made anew for an index: the migration adds it to those that there are.
#[tokio::test]
async fn a_build_from_before_the_index_on_last_updated_gets_it() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = SecretString::from(servers.fresh_database().await.unwrap());
    let database = Database::parse(&url, None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let client = database.session("test", &[]).await.unwrap().client;
    let definition = async || {
        let query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'build_1' AND indexname = 'orders_last_updated'";
        client.query_opt(query, &[]).await.unwrap().map(|row| row.get::<_, String>(0))
    };
    let made = definition().await;
    assert!(made.is_some());
    client
        .batch_execute(
            "DROP INDEX build_1.orders_last_updated; DELETE FROM refinery_schema_history WHERE version = 3",
        )
        .await
        .unwrap();
    views::migrate::migrate(&database).await.unwrap();
    assert_eq!(definition().await, made);
}
