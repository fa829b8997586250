//! The headers of a read: their names, for the answers, and their meaning, for the OpenAPI document.

use utoipa::Modify;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{OpenApi, RefOr, Response, ResponseBuilder, schema};

pub const APPLIED_OFFSETS: &str = "applied-offsets";
pub const VIEW_BUILD: &str = "view-build";
pub const OPEN_DEAD_LETTERS: &str = "open-dead-letters";
pub const LAG_EVENTS: &str = "lag-events";
pub const LAG_SECONDS: &str = "lag-seconds";

/// Those that say how fresh an answer is.
pub const FRESHNESS_HEADERS: [&str; 5] =
    [APPLIED_OFFSETS, VIEW_BUILD, OPEN_DEAD_LETTERS, LAG_EVENTS, LAG_SECONDS];

/// Documents the headers that say how fresh an answer is, on all successful answers of some routes.
pub struct FreshnessHeaders;

/// Documents the header that says how to repeat an as-of answer, likewise.
pub struct ContentLocationHeader;

impl Modify for FreshnessHeaders {
    fn modify(&self, document: &mut OpenApi) {
        let offsets = "^([0-9]+=[0-9]+(,[0-9]+=[0-9]+)*)?$";
        let lag = "^([0-9]+(\\.[0-9]+)?|unknown)$";
        for (name, pattern, description) in [
            (
                "Applied-Offsets",
                offsets,
                "The offset of the next record to apply, for each partition, such as `0=12,1=9`.",
            ),
            ("ETag", "^W/\"[0-9a-f]{16}\"$", "The tag of the answer, to be sent back as `If-None-Match`."),
            ("View-Build", "^[0-9]+$", "The number of the build that was read."),
            (
                "Open-Dead-Letters",
                "^[0-9]+$",
                "How many records could not be applied and wait for a decision.",
            ),
            (
                "Lag-Events",
                lag,
                "How many events the log has and the view has not applied; `unknown` until Kafka has answered, if it has not answered for 10 s, and while it has another log than the view was made from.",
            ),
            ("Lag-Seconds", lag, "Seconds since the view was last level with the log; `unknown` likewise."),
        ] {
            add(document, name, &header(description, Some(pattern)));
        }
        let description =
            "The client has this answer already: its `If-None-Match` names the tag. There is no body.";
        let not_modified = ResponseBuilder::new().description(description).build();
        for operation in document.paths.paths.values_mut().filter_map(|item| item.get.as_mut()) {
            operation.responses.responses.insert("304".to_owned(), not_modified.clone().into());
        }
    }
}

impl Modify for ContentLocationHeader {
    fn modify(&self, document: &mut OpenApi) {
        let description =
            "Only of an as-of answer: the URL with the complete cut, which always gives the same bytes.";
        add(document, "Content-Location", &header(description, None));
    }
}

fn header(description: &str, pattern: Option<&str>) -> Header {
    let schema = ObjectBuilder::new().schema_type(schema::Type::String).pattern(pattern).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn add(document: &mut OpenApi, name: &str, header: &Header) {
    for response in successful_responses(document) {
        response.headers.insert(name.to_owned(), header.clone().into());
    }
}

fn successful_responses(document: &mut OpenApi) -> impl Iterator<Item = &mut Response> {
    let operations = document.paths.paths.values_mut().flat_map(|item| [&mut item.get, &mut item.post]);
    let responses =
        operations.flatten().flat_map(|operation: &mut Operation| &mut operation.responses.responses);
    responses.filter(|(status, _)| status.starts_with('2')).filter_map(|(_, response)| match response {
        RefOr::T(response) => Some(response),
        RefOr::Ref(_) => None,
    })
}
