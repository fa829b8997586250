//! Answers of the API, compared with what the document says about their operation.

use std::collections::BTreeSet;

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::Value;

use super::schema::{Met, Schemas};

/// Headers that any HTTP answer may have.
const UNDOCUMENTED_HEADERS: [&str; 6] =
    ["content-type", "content-length", "cache-control", "date", "connection", "vary"];

/// The document, and what was compared with it.
pub struct Comparison {
    document: Value,
    met: Met,
    /// Operation and status of each answer.
    answered: BTreeSet<(String, u16)>,
}

impl Comparison {
    pub fn new(document: Value) -> Self {
        Self { document, met: Met::default(), answered: BTreeSet::new() }
    }

    /// The answer must be one that the document has for the operation. Returns its body.
    pub async fn answer(&mut self, operation: &str, response: Response) -> Value {
        let status = response.status().as_u16();
        self.ask_again(operation, &response).await;
        let at = format!("{operation} {status} {}", response.url());
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let described = &self.operation(operation)["responses"][status.to_string()];
        assert!(described.is_object(), "{at} is not documented: {text}");

        let documented: Vec<_> = described["headers"].as_object().into_iter().flatten().collect();
        for (name, header) in &documented {
            let value = headers.get(name.as_str()).map(|value| value.to_str().unwrap());
            match value {
                Some(value) => {
                    let mut ignored = Met::default();
                    let compared =
                        Schemas(&self.document).compare(&header["schema"], &value.into(), name, &mut ignored);
                    compared.unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                None => assert_eq!(*name, "Content-Location", "{at}: no header {name}"),
            }
        }
        let is_documented = |name: &str| documented.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        for name in headers.keys().filter(|_| status < 400).map(|name| name.as_str()) {
            assert!(
                UNDOCUMENTED_HEADERS.contains(&name) || is_documented(name),
                "{at}: header {name} is not documented"
            );
        }

        let content_type = headers[CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap();
        let schema = &described["content"][content_type]["schema"];
        assert!(schema.is_object(), "{at}: the content type {content_type} is not documented");
        let body = match content_type {
            "text/plain" => Value::String(text),
            _ => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{at}: {error}: {text}")),
        };
        if let Some(kind) = body["type"].as_str().and_then(|kind| kind.rsplit(':').next()) {
            let kinds = described["description"].as_str().unwrap();
            assert!(kinds.contains(&format!("`{kind}`")), "{at}: {kind} is not among {kinds}");
        }
        let mut met = Met::default();
        let compared = Schemas(&self.document).compare(schema, &body, operation, &mut met);
        compared.unwrap_or_else(|error| panic!("{at}: {error}\n{body}"));
        self.met.members += met.members;
        self.met.named.extend(met.named);
        self.answered.insert((operation.to_owned(), status));
        body
    }

    /// A client that has the answer already is told so.
    async fn ask_again(&mut self, operation: &str, response: &Response) {
        let Some(etag) = response.headers().get(ETAG) else { return };
        let request = reqwest::Client::new().get(response.url().clone()).header(IF_NONE_MATCH, etag);
        if request.send().await.unwrap().status() == 304 {
            self.status(operation, 304);
        }
    }

    /// Compares only the status of an answer, for answers that were read by hand.
    pub fn status(&mut self, operation: &str, status: u16) {
        let described = &self.operation(operation)["responses"][status.to_string()];
        assert!(described.is_object(), "{operation} {status} is not documented");
        self.answered.insert((operation.to_owned(), status));
    }

    /// Every status and every member of an answer that is documented must have been met.
    pub fn is_complete(&self) {
        let schemas = Schemas(&self.document);
        let (mut documented, mut members) = (BTreeSet::new(), BTreeSet::new());
        for (_, _, operation) in self.operations() {
            let id = operation["operationId"].as_str().unwrap();
            for (status, response) in operation["responses"].as_object().unwrap() {
                documented.insert((id.to_owned(), status.parse().unwrap()));
                for content in
                    response["content"].as_object().into_iter().flat_map(|content| content.values())
                {
                    schemas.members(&content["schema"], id, &mut members);
                }
            }
        }
        let never: Vec<_> = documented.difference(&self.answered).collect();
        assert!(never.is_empty(), "documented, but never answered: {never:?}");
        let never: Vec<_> = members.difference(&self.met.named).collect();
        assert!(never.is_empty(), "documented, but in no answer: {never:?}");
        eprintln!(
            "{} operations, {} answers of different status, {} members of schemas, {} members of answers compared",
            self.operations().count(),
            self.answered.len(),
            members.len(),
            self.met.members
        );
    }

    /// Method, path and description of each operation.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    fn operation(&self, id: &str) -> &Value {
        let found = self.operations().find(|(_, _, operation)| operation["operationId"] == id);
        found.unwrap_or_else(|| panic!("no operation {id}")).2
    }
}
