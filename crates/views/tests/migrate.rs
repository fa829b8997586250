//! A database whose tables were made by another version, or by another program.
#![allow(clippy::unwrap_used)] // a test

use secrecy::SecretString;
use views::Database;

#[tokio::test]
async fn tables_of_another_version_are_refused_with_the_way_out() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let database = Database::parse(&SecretString::from(url.as_str()), None).unwrap();
    views::migrate::migrate(&database).await.unwrap();
    views::migrate::migrate(&database).await.unwrap();

    let client = local_stack::sql_client(&url, None).await.unwrap();
    for change in [
        "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1",
        "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum \
         FROM refinery_schema_history WHERE version = 1",
    ] {
        client.batch_execute(change).await.unwrap();
        let error = views::migrate::migrate(&database).await.unwrap_err();
        assert_eq!(error.recovery(), views::Recovery::Stop);
        assert!(error.to_string().contains("another version of food-orders"), "{error}");
    }
}

#[tokio::test]
async fn tables_of_others_are_refused_by_name_and_stay_as_they_are() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let database = Database::parse(&SecretString::from(url.as_str()), None).unwrap();
    let client = local_stack::sql_client(&url, None).await.unwrap();
    let refused = async |expected: &str| {
        let error = views::migrate::migrate(&database).await.unwrap_err();
        assert_eq!(error.recovery(), views::Recovery::Stop);
        assert!(error.to_string().contains(expected), "{error}");
    };
    client.batch_execute("CREATE TABLE decisions (); CREATE TABLE orders ()").await.unwrap();
    refused("(public.decisions, public.orders)").await;
    client.batch_execute("DROP TABLE decisions, orders").await.unwrap();
    views::migrate::migrate(&database).await.unwrap();
    // As a version without schemas leaves it, with a table of that name beside it.
    client
        .batch_execute("DELETE FROM refinery_schema_history WHERE version = 2; DROP TABLE schemas; CREATE TABLE schemas ()")
        .await
        .unwrap();
    refused("(public.schemas)").await;
    client.batch_execute("DROP TABLE schemas").await.unwrap();
    views::migrate::migrate(&database).await.unwrap();
}
