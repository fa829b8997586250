//! An API with a database of its own, filled as a consumer would fill it.

mod api;
mod rows;

use std::ops::{Deref, DerefMut};

use reqwest::Response;
use serde_json::Value;
use tokio_postgres::Client;

pub use self::api::{Api, settings, try_settings};
use self::rows::Written;

pub const TOKEN: &str = "s3cret";
/// An address where nothing listens, so Kafka is away.
pub const NOWHERE: &str = "127.0.0.1:1";

/// Everything that an [`Api`] can do, and a client of its database.
pub struct World {
    api: Api,
    pub client: Client,
    written: Written,
}

impl World {
    /// An API that has started, with empty tables and an admin token, without Kafka.
    pub async fn new() -> Self {
        Self::with(&["--api-admin-token", TOKEN, "--kafka-bootstrap-servers", NOWHERE]).await
    }

    pub async fn with(flags: &[&str]) -> Self {
        let servers = local_stack::TestServers::shared().await.unwrap();
        let database_url = servers.fresh_database().await.unwrap();
        let api = Api::start(&database_url, flags).await;
        let client = local_stack::sql_client(&database_url, None).await.unwrap();
        let world = Self { api, client, written: Written::default() };
        world.until("ready", async || world.get("/health/ready").await.status() == 200).await;
        world
    }

    pub async fn ids(&self, path: &str) -> Vec<String> {
        ids(&self.json(path).await)
    }
}

impl Deref for World {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Api {
        &mut self.api
    }
}

pub fn ids(list: &Value) -> Vec<String> {
    list["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["order_id"].as_str().unwrap().to_owned())
        .collect()
}

pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
}

pub async fn problem(response: Response, status: u16) -> String {
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let (found, body): (u16, Value) = (response.status().as_u16(), response.json().await.unwrap());
    assert_eq!((found, body["status"].as_u64()), (status, Some(status.into())), "{body}");
    assert!(body["type"].as_str().unwrap().starts_with("urn:food-orders:problem:"), "{body}");
    assert!(!body["title"].as_str().unwrap().is_empty());
    body["detail"].as_str().unwrap().to_owned()
}
