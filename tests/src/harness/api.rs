//! The HTTP API as a client sees it.

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use super::{GIVE_UP_AFTER, Program, eventually};

/// The admin token of every API that the tests start.
pub const TOKEN: &str = "token-of-the-test";

pub struct Api {
    pub program: Program,
    /// Such as `http://127.0.0.1:8080`.
    pub base: String,
    client: Client,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Api {
    pub(super) async fn ready(program: Program, address: &str) -> Self {
        let mut api = Self { program, base: format!("http://{address}"), client: Client::new() };
        eventually("the API is ready", GIVE_UP_AFTER, async || {
            assert!(!api.program.has_ended(), "the API has ended");
            let url = format!("{}/health/ready", api.base);
            let answer = api.client.get(url).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK).then_some(())
        })
        .await;
        api
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None, "").await
    }

    /// Posts with the admin token.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.request(Method::POST, path, Some(TOKEN), body).await
    }

    pub async fn request(&self, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.unwrap() }
    }
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.headers));
        value.to_str().unwrap()
    }

    /// The header `Applied-Offsets`, by partition.
    #[track_caller]
    pub fn applied(&self) -> std::collections::BTreeMap<i32, i64> {
        let pairs = self.header("applied-offsets").split(',').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (partition, next) = pair.split_once('=').expect("PARTITION=NEXT_OFFSET");
                (partition.parse().unwrap(), next.parse().unwrap())
            })
            .collect()
    }
}
