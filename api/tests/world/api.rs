//! One API, in this process and on a free port.

use std::time::Duration;

use api::{App, Args, Settings};
use clap::Parser;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use service::{Failure, Health, Invalid, Metrics};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::problem;

pub struct Api {
    pub url: String,
    pub stop: CancellationToken,
    pub running: JoinHandle<Result<(), Failure>>,
    pub health: Health,
    http: reqwest::Client,
}

/// The settings that these flags give, on a free port.
pub fn settings(database_url: &str, flags: &[&str]) -> Settings {
    try_settings(database_url, flags).unwrap()
}

/// The same; the error if a flag has a wrong value.
pub fn try_settings(database_url: &str, flags: &[&str]) -> Result<Settings, Invalid> {
    let fixed = ["api", "--api-listen", "127.0.0.1:0", "--database-url", database_url];
    Args::parse_from([&fixed, flags].concat()).validate()
}

impl Api {
    /// An API that listens, and may not be ready yet.
    pub async fn start(database_url: &str, flags: &[&str]) -> Self {
        let health = Health::default();
        let settings = settings(database_url, flags);
        let app = App::bind(&settings, health.clone(), Metrics::detached().unwrap()).await.unwrap();
        let url = format!("http://{}", app.address());
        let stop = CancellationToken::new();
        let running = tokio::spawn(app.run(stop.clone(), Duration::from_secs(5)));
        Self { url, stop, running, health, http: reqwest::Client::new() }
    }

    /// Waits for a condition, for 20 s at most.
    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        for _ in 0..400 {
            if condition().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited 20 s until {what}");
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The body of a successful answer.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The detail of a problem, after checking its form.
    pub async fn problem(&self, path: &str, status: u16) -> String {
        problem(self.get(path).await, status).await
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
