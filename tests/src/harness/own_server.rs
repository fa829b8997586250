//! A server of one test's own, which the test may kill, freeze, or fill up.

use std::fs::Permissions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use local_stack::{Downloads, Kafka, KafkaOptions, Postgres, PostgresOptions};
use tempfile::TempDir;

/// A server with its data folder. Dropping this stops the server and deletes the data. The calls block for
/// seconds; a test may make them on its own thread, because the proxy has a thread of its own and the
/// programs are processes.
pub struct OwnServer<T> {
    // Fields are dropped in this order, so the server ends before its folder is deleted.
    server: T,
    folder: TempDir,
}

impl OwnServer<Kafka> {
    pub fn kafka() -> Self {
        Self::kafka_with(&[])
    }

    /// Starts Kafka with these settings, as in server.properties.
    pub fn kafka_with(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let mut options = KafkaOptions::new(folder.path().join("kafka")).for_tests();
        options
            .settings
            .extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let server = Kafka::start(&Downloads::ensure().unwrap(), &options).unwrap();
        Self { server, folder }
    }
}

impl OwnServer<Postgres> {
    /// Starts PostgreSQL with these settings, as in postgresql.conf.
    pub fn postgres(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let mut options = PostgresOptions::new(folder.path().join("postgres")).for_tests();
        options
            .settings
            .extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let server = Postgres::start(&Downloads::ensure().unwrap(), &options).unwrap();
        Self { server, folder }
    }
}

impl<T> OwnServer<T> {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A temporary folder that PostgreSQL's account can enter.
fn folder() -> TempDir {
    let readable = Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("food-orders-fault-").permissions(readable).tempdir().unwrap()
}

impl<T> Deref for OwnServer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.server
    }
}

impl<T> DerefMut for OwnServer<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.server
    }
}
