//! A server of one test's own, which the test may kill, freeze, or fill up.

use std::fs::Permissions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use local_stack::{
    Downloads, Kafka, KafkaOptions, Postgres, PostgresOptions, Registry, RegistryDownloads, RegistryOptions,
};
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
        let mut options = KafkaOptions::new(folder.path().join("kafka")).for_tests().unwrap();
        options
            .settings
            .extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let server = Kafka::start(&Downloads::ensure().unwrap(), &options).unwrap();
        Self { server, folder }
    }
}

impl OwnServer<Kafka> {
    /// Starts Kafka with these settings, and with a listener that asks for a user and a password, which are the same. The
    /// broker itself is the user `admin`. The controller's own listener stays open.
    pub fn kafka_with_users(users: &[&str], settings: &[(&str, &str)]) -> Self {
        let users: String = users.iter().map(|user| format!(" user_{user}=\"{user}\"")).collect();
        let logins = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"admin\"{users};"
        );
        let listener = [
            ("listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
            ("sasl.enabled.mechanisms", "PLAIN"),
            ("listener.name.plaintext.sasl.enabled.mechanisms", "PLAIN"),
            ("sasl.mechanism.inter.broker.protocol", "PLAIN"),
            ("listener.name.plaintext.plain.sasl.jaas.config", &logins),
        ];
        Self::kafka_with(&[&listener, settings].concat())
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

impl OwnServer<Registry> {
    /// Fails where there is no Java 21 and none can be fetched.
    pub fn registry() -> Self {
        Self::registry_with(&[])
    }

    /// The same with these settings, as environment variables.
    pub fn registry_with(settings: &[(&str, &str)]) -> Self {
        let folder = folder();
        let mut options = RegistryOptions::new(folder.path().join("registry"));
        options
            .settings
            .extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let started = RegistryDownloads::ensure().and_then(|downloads| Registry::start(&downloads, &options));
        let server = started.unwrap_or_else(|error| panic!("{error}"));
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
