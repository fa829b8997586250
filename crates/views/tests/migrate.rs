//! A database whose tables were made by another version.
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
