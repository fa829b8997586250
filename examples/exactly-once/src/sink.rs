//! The table into which records are handled, and the position beside it.

use tokio_postgres::{Client, NoTls};

use crate::{Result, failed};

/// A database of its own on the server.
pub struct Sink {
    pub name: String,
    server: String,
}

impl Sink {
    /// Makes the database. Its name is that of the topic.
    pub async fn create(server: &str, topic: &str) -> Result<Self> {
        let name = topic.replace('-', "_");
        // The name needs no quotes: it consists of a-z, 0-9 and underscores.
        connect(server).await?.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let sink = Self { name, server: server.to_owned() };
        let tables = "CREATE TABLE handled (record text); CREATE TABLE position (next bigint); INSERT INTO position VALUES (0)";
        sink.connect().await?.batch_execute(tables).await?;
        Ok(sink)
    }

    /// The database that [`Sink::create`] has made for this topic.
    pub fn of(server: &str, topic: &str) -> Self {
        Self { name: topic.replace('-', "_"), server: server.to_owned() }
    }

    pub async fn connect(&self) -> Result<Client> {
        let (server, words) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = server.rsplit_once('/').ok_or_else(|| failed("DATABASE_URL names no database"))?;
        connect(&format!("{server}/{}?{words}", self.name)).await
    }

    /// How often each record was handled, in the order of the records.
    pub async fn handled(&self, records: &[String]) -> Result<Vec<i64>> {
        let client = self.connect().await?;
        let mut counts = Vec::new();
        for record in records {
            let count = client.query_one("SELECT count(*) FROM handled WHERE record = $1", &[record]).await?;
            counts.push(count.get(0));
        }
        Ok(counts)
    }

    pub async fn remove(self) -> Result<()> {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        Ok(connect(&self.server).await?.batch_execute(&statement).await?)
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
