//! The registry's HTTP API, as far as it is used here.

use std::fmt;
use std::time::Duration;

use orders::{SchemaId, SchemaText};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use settings::Invalid;

use crate::error::{Error, Result};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// More than any schema has.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// How much of an answer a message quotes.
const QUOTED_CHARS: usize = 200;
/// The API's own code in the 404 that says that a schema does not exist. Another 404 means a wrong path.
const NO_SUCH_SCHEMA: u32 = 40403;
/// Refusals that say nothing about the request.
const MAY_PASS: [StatusCode; 2] = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// How to reach the registry. The password is never printed.
#[derive(Clone)]
pub struct SchemaRegistry {
    client: Client,
    /// Without a slash at its end.
    url: String,
    login: Option<Login>,
}

#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: SecretString,
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaAnswer {
    schema: String,
    /// Missing for Avro, which was there first.
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error_code: u32,
    message: Option<String>,
}

impl SchemaRegistry {
    pub(crate) fn new(
        url: &Url,
        login: Option<Login>,
        certificates: Vec<Certificate>,
    ) -> Result<Self, Invalid> {
        let client = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT)
            .tls_certs_merge(certificates)
            .build()
            .map_err(|error| Invalid::new("SCHEMA_REGISTRY_URL", format!("cannot be used: {error}")))?;
        Ok(Self { client, url: url.as_str().trim_end_matches('/').to_owned(), login })
    }

    /// The schema with this id; `None` if the registry has none.
    pub async fn schema(&self, id: SchemaId) -> Result<Option<SchemaText>> {
        let (status, answer) = self.send(self.client.get(format!("{}/schemas/ids/{id}", self.url))).await?;
        match serde_json::from_slice::<SchemaAnswer>(&answer) {
            Ok(schema) if status == StatusCode::OK => Ok(Some(SchemaText {
                schema_type: schema.schema_type.unwrap_or_else(|| "AVRO".to_owned()),
                text: schema.schema,
                has_references: !schema.references.is_empty(),
            })),
            _ if status == StatusCode::NOT_FOUND && error_code(&answer) == Some(NO_SUCH_SCHEMA) => Ok(None),
            _ => Err(self.no_registry(status, &answer)),
        }
    }

    /// Registers a schema for a subject, unless it is registered already, and returns its id. `schema_type`: `AVRO` or
    /// `JSON`.
    pub async fn register(&self, subject: &str, schema_type: &str, schema: &str) -> Result<SchemaId> {
        let body = serde_json::json!({ "schemaType": schema_type, "schema": schema });
        let request = self.client.post(format!("{}/subjects/{subject}/versions", self.url)).json(&body);
        let (status, answer) = self.send(request.header("content-type", MEDIA_TYPE)).await?;
        match serde_json::from_slice::<Registered>(&answer) {
            Ok(registered) if status == StatusCode::OK => Ok(SchemaId(registered.id)),
            _ if [StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY].contains(&status) => {
                Err(Error::Refused {
                    registry: self.url.clone(),
                    subject: subject.to_owned(),
                    status: status.as_u16(),
                    answer: quote(&answer),
                })
            }
            _ => Err(self.no_registry(status, &answer)),
        }
    }

    /// Fails unless the registry has answered the request, with whatever it found.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
        let request = request.header("accept", format!("{MEDIA_TYPE}, application/json"));
        let request = match &self.login {
            Some(login) => request.basic_auth(&login.user, Some(login.password.expose_secret())),
            None => request,
        };
        let away =
            |cause: reqwest::Error| Error::Away { registry: self.url.clone(), cause: cause.without_url() };
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        let answer = body(response).await.map_err(away)?;
        let registry = self.url.clone();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Error::Forbidden { registry, status: status.as_u16() })
            }
            status if status.is_server_error() || MAY_PASS.contains(&status) => {
                Err(Error::Failing { registry, status: status.as_u16(), answer: quote(&answer) })
            }
            status => Ok((status, answer)),
        }
    }

    fn no_registry(&self, status: StatusCode, answer: &[u8]) -> Error {
        Error::NoRegistry { registry: self.url.clone(), status: status.as_u16(), answer: quote(answer) }
    }
}

/// What lies beyond the limit is left out, and what is cut cannot be read as an answer.
async fn body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            body.clear();
            break;
        }
    }
    Ok(body)
}

fn error_code(answer: &[u8]) -> Option<u32> {
    serde_json::from_slice::<ErrorAnswer>(answer).ok().map(|error| error.error_code)
}

/// The registry's own words, in one line.
fn quote(answer: &[u8]) -> String {
    let message = serde_json::from_slice::<ErrorAnswer>(answer).ok().and_then(|error| error.message);
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(answer).into_owned());
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(QUOTED_CHARS) {
        _ if words.is_empty() => "an answer without text".to_owned(),
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
