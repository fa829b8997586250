//! `TestServers`, which the tests of other crates use.

use local_stack::TestServers;

#[tokio::test]
async fn every_fresh_database_is_a_new_one() {
    let servers = TestServers::shared().await.unwrap();
    let (a, b) = (servers.fresh_database().await.unwrap(), servers.fresh_database().await.unwrap());
    assert_ne!(a, b);
    let (client, connection) = tokio_postgres::connect(&a, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE only_here ()").await.unwrap();
    let (client, connection) = tokio_postgres::connect(&b, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    assert!(client.batch_execute("TABLE only_here").await.is_err());
}

/// Every test has a runtime of its own, so the shared servers must not depend on that of the first one.
#[tokio::test]
async fn another_runtime_shares_the_same_servers() {
    let servers = TestServers::shared().await.unwrap();
    servers.fresh_database().await.unwrap();
    assert_ne!(servers.fresh_topic_name(), servers.fresh_topic_name());
    assert!(servers.bootstrap_servers().contains(':'));
}
