//! A server that one test has to itself: to be killed, frozen, filled up.

use std::fs::Permissions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use local_stack::{Downloads, Kafka, KafkaOptions, Postgres, PostgresOptions};
use tempfile::TempDir;

/// Stopped and deleted when this is dropped. Its calls block, for seconds: a proxy has its own thread, and the
/// programs are processes of their own.
pub struct Own<T> {
    // Ended before its folder goes.
    server: T,
    folder: TempDir,
}

impl Own<Kafka> {
    pub fn kafka() -> Self {
        let folder = folder();
        let options = KafkaOptions::new(folder.path().join("kafka")).for_tests();
        let server = Kafka::start(&Downloads::ensure().unwrap(), &options).unwrap();
        Self { server, folder }
    }
}

impl Own<Postgres> {
    /// With settings as in postgresql.conf.
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

impl<T> Own<T> {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// PostgreSQL's account has to get through.
fn folder() -> TempDir {
    let readable = Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("food-orders-fault-").permissions(readable).tempdir().unwrap()
}

impl<T> Deref for Own<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.server
    }
}

impl<T> DerefMut for Own<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.server
    }
}
