//! The OpenAPI document, and the routes that it is made of.

use axum::Router;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};
use utoipa::{IntoParams, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::ProblemBody;
use crate::routes::{dead_letters, lag, orders, rebuilds, stats};
use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "food-orders",
        description = "Orders as the events in Kafka make them: now, or as of any cut.\n\n\
            Every read says in its headers how fresh it is. Every as-of answer says in Content-Location how to get the \
            same bytes again. Errors are problem documents (RFC 9457)."
    ),
    tags(
        (name = "orders", description = "The read models, now or as of a cut"),
        (name = "lag", description = "How far the views are behind the log"),
        (name = "dead-letters", description = "Records that could not be applied, and what is decided about them"),
        (name = "rebuilds", description = "Views made anew from offset 0 while they keep serving"),
        (name = "probes", description = "For supervisors and Prometheus")
    ),
    components(schemas(ProblemBody)),
    paths(live, ready, started, metrics)
)]
struct Document;

/// A cut: what an as-of answer is true for. Without any of these the answer is about now.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct CutParams {
    /// Only records of this time and before (RFC 3339).
    #[param(example = "2026-11-21T18:04:05.123Z")]
    as_of: Option<String>,
    /// Which time `as_of` means: `append`, when the broker appended a record (the default), or `event`, when it happened.
    #[param(pattern = "^(append|event)$")]
    clock: Option<String>,
    /// Only records below these offsets, as PARTITION=NEXT_OFFSET,…; a partition that is missing counts as 0. Beyond
    /// what is applied: 409.
    #[param(example = "0=12,1=9")]
    as_of_offsets: Option<String>,
    /// Without what later decisions admitted; completes a cut.
    decision: Option<i64>,
    /// The projection version that answered; another one than this program's: 410.
    projection: Option<i32>,
}

/// Reading one's own writes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct WaitParams {
    /// Waits until these positions are applied, as PARTITION=NEXT_OFFSET,…: the offset of a record that was written, plus
    /// one. Not within `wait_ms`: 504.
    #[param(example = "0=13")]
    after: Option<String>,
    /// Longest wait in milliseconds, for `after` (5000 without it) and, where it is given, for `as_of_offsets` beyond what is
    /// applied.
    #[param(minimum = 0, maximum = 30000)]
    wait_ms: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct ListParams {
    /// Only orders in this status.
    #[param(pattern = "^(pending|paid|shipped|delivered|cancelled)$")]
    status: Option<String>,
    /// Only orders of this customer.
    customer_id: Option<String>,
    /// Only orders of this restaurant.
    restaurant_id: Option<String>,
    /// `-last_updated` (the default; of the same time, by order_id), `order_id` or `-order_id`.
    sort: Option<String>,
    /// Orders per page.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. It carries filters, sorting and cut.
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct PageParams {
    /// Records per page.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. It carries the cut.
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is used")]
pub struct DeadLetterParams {
    /// Only dead letters in this state.
    #[param(pattern = "^(open|retried|discarded)$")]
    state: Option<String>,
    /// Only dead letters of this cause.
    #[param(example = "bad_json")]
    cause: Option<String>,
    /// Only dead letters that make this order incomplete, or did.
    order_id: Option<String>,
    /// Dead letters per page.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. It carries the filters.
    cursor: Option<String>,
}

/// The routes, `/openapi.json` and `/docs`.
pub fn documented_routes(state: AppState) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(orders::list::get))
        .routes(routes!(orders::one::get))
        .routes(routes!(orders::history::get))
        .routes(routes!(stats::get))
        .routes(routes!(lag::get))
        .routes(routes!(dead_letters::list::get))
        .routes(routes!(dead_letters::one::get))
        .routes(routes!(dead_letters::retry_all))
        .routes(routes!(dead_letters::decide::retry))
        .routes(routes!(dead_letters::decide::discard))
        .routes(routes!(rebuilds::post))
        .routes(routes!(rebuilds::list))
        .routes(routes!(rebuilds::get))
        .with_state(state)
        .split_for_parts();
    complete(&mut document);
    router.merge(SwaggerUi::new("/docs").url("/openapi.json", document))
}

/// Adds what is the same for many operations: headers of reads, problems, the token.
fn complete(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (post, operation) in [(false, &mut item.get), (true, &mut item.post)] {
            let Some(operation) = operation else { continue };
            let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
            if tag != "probes" {
                add_problems(operation, post, &tag);
            }
            if let "orders" | "lag" | "dead-letters" = tag.as_str()
                && let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200")
            {
                add_headers(response, tag == "orders");
            }
        }
    }
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("admin_token", token);
}

fn add_problems(operation: &mut Operation, post: bool, tag: &str) {
    let mut problems = vec![
        ("400", "The request is not understood"),
        ("500", "Something went wrong inside"),
        ("503", "Not at the moment; see Retry-After"),
    ];
    let is_path = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path);
    if operation.parameters.iter().flatten().any(is_path) {
        problems.push(("404", "There is no such thing"));
    }
    if tag == "orders" {
        problems.push(("409", "The cut lies beyond what is applied; applied_offsets says how far that is"));
        problems.push(("410", "The cut is of another projection version"));
    }
    if post {
        problems.extend([
            ("401", "The admin token is missing or wrong"),
            ("403", "This api was started without an admin token"),
            ("408", "The body did not arrive in time"),
            ("413", "The body is too large"),
            ("415", "The body is not of type application/json"),
        ]);
    }
    if post && tag == "rebuilds" {
        problems.push(("409", "One is running already; rebuild says which"));
    }
    if !post && tag == "dead-letters" {
        problems.push(("401", "The token that was sent is not the admin token"));
        problems.push(("403", "A token was sent, and this api was started without one"));
    }
    for (status, description) in problems {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

fn add_headers(response: &mut Response, as_of: bool) {
    let mut headers = vec![
        ("Applied-Offsets", "Next offset to apply per partition, as 0=12,1=9"),
        ("View-Build", "The build that was read"),
        ("Open-Dead-Letters", "Records that could not be applied and wait for a decision"),
        (
            "Lag-Events",
            "Events that the log has and the view has not; unknown when Kafka did not answer for 10 s",
        ),
        ("Lag-Seconds", "Seconds since the view was last level with the log; unknown likewise"),
    ];
    if as_of {
        headers.push((
            "Content-Location",
            "Of an as-of answer: the URL with the complete cut, which gives the same bytes again",
        ));
    }
    for (name, description) in headers {
        let schema = Object::with_type(Type::String);
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        response.headers.insert(name.to_owned(), header.into());
    }
}

/// Restart the process when this is red
#[utoipa::path(get, path = "/health/live", tag = "probes", operation_id = "getLive",
    responses((status = 200, description = "Alive"), (status = 503, description = "Restart it")))]
#[expect(dead_code, reason = "served by crates/service; only its documentation is used")]
fn live() {}

/// Send no requests while this is red
#[utoipa::path(get, path = "/health/ready", tag = "probes", operation_id = "getReady",
    responses((status = 200, description = "Ready"), (status = 503, description = "Not ready, with the reason")))]
#[expect(dead_code, reason = "served by crates/service; only its documentation is used")]
fn ready() {}

/// Red until start-up is over
#[utoipa::path(get, path = "/health/started", tag = "probes", operation_id = "getStarted",
    responses((status = 200, description = "Started"), (status = 503, description = "Still starting")))]
#[expect(dead_code, reason = "served by crates/service; only its documentation is used")]
fn started() {}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "probes", operation_id = "getMetrics",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
#[expect(dead_code, reason = "served by crates/service; only its documentation is used")]
fn metrics() {}
