//! A schema registry, and the schemas that tests register there.

use local_stack::{Registry, RegistryDownloads, RegistryOptions, Scratch};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The URL of the registry that all tests of this process share. The first call starts it, which takes about 10 seconds;
/// it ends with the process.
pub async fn shared_registry() -> &'static str {
    static SHARED: OnceCell<(Registry, Scratch)> = OnceCell::const_new();
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(async || {
        let shared = SHARED.get_or_init(async || {
            let started = tokio::task::spawn_blocking(start).await.unwrap();
            started.unwrap_or_else(|error| panic!("{error}"))
        });
        shared.await.0.url()
    })
    .await
}

fn start() -> local_stack::Result<(Registry, Scratch)> {
    let scratch = Scratch::new()?;
    let options = RegistryOptions::new(scratch.path().join("registry"));
    Ok((Registry::start(&RegistryDownloads::ensure()?, &options)?, scratch))
}

/// The schemas of a registry.
pub struct Schemas<'a>(pub &'a str);

impl Schemas<'_> {
    /// Registers a schema, and returns its id.
    pub async fn register(&self, subject: &str, schema_type: &str, schema: &str) -> u32 {
        let url = format!("{}/subjects/{subject}/versions", self.0);
        let body = json!({ "schemaType": schema_type, "schema": schema });
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        let id = answer["id"].as_u64().unwrap_or_else(|| panic!("{status}: {answer}"));
        u32::try_from(id).unwrap()
    }

    /// Behind the framing of a schema's id.
    pub fn framed(id: u32, payload: &[u8]) -> Vec<u8> {
        [&[0], &id.to_be_bytes()[..], payload].concat()
    }
}
