//! A database of an older version, brought up to this one.
#![allow(clippy::unwrap_used)] // a test

use secrecy::SecretString;
use views::Database;

/// Builds are not made anew for an index: the migration adds it to those that there are.
#[tokio::test]
async fn a_build_from_before_an_index_gets_it() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = SecretString::from(servers.fresh_database().await.unwrap());
    let database = Database::parse(&url, None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    let client = database.session("test", &[]).await.unwrap().client;
    let definitions = async || {
        let query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'build_1' ORDER BY indexname";
        let rows = client.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    let of_a_new_build = definitions().await;
    client
        .batch_execute(
            "DROP INDEX build_1.orders_last_updated, build_1.letters_order_id;
             DELETE FROM refinery_schema_history WHERE version = 3",
        )
        .await
        .unwrap();
    assert_eq!(definitions().await.len(), of_a_new_build.len() - 2);
    views::migrate::migrate(&database).await.unwrap();
    assert_eq!(definitions().await, of_a_new_build);
}
