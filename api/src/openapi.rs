//! The frame of the OpenAPI document. The description of a route or a type is beside that route or type.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "food-orders",
        description = "Orders as the events in Kafka define them: now, or as of any cut.\n\n\
            The headers of every read say how fresh it is. `Content-Location` of every as-of answer is the URL that gives \
            the same bytes again. Errors are problem documents (RFC 9457). \
            If the api was started with a read token, each request but those of the probes is answered with 401 without it."
    ),
    servers((url = "./", description = "This api")),
    tags(
        (name = "orders", description = "The read models, now or as of a cut."),
        (name = "lag", description = "How far the views are behind the log."),
        (name = "dead-letters", description = "Records that could not be applied, and the decisions about them."),
        (name = "rebuilds", description = "Making views again from offset 0 while the present ones serve."),
        (name = "probes", description = "For supervisors and Prometheus.")
    ),
    components(schemas(problem::Body)),
    modifiers(&AdminToken)
)]
struct Frame;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("admin_token", token);
    }
}

/// The routes, together with their list at `/`, their description at `/openapi.json` and its page at `/docs`.
pub fn describe<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> Router<S> {
    let (router, document) = OpenApiRouter::with_openapi(Frame::openapi()).merge(routes).split_for_parts();
    let index = Json(index(&document));
    // Relative, so that a proxy may serve both under a path of its own.
    let config = Config::from("../openapi.json");
    router
        .route("/", get(async || index))
        .merge(SwaggerUi::new("/docs").config(config).url("/openapi.json", document))
}

/// What `GET /` answers, for those who try the address before they read about it.
fn index(document: &Document) -> Value {
    let mut routes = Map::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in [("GET", &item.get), ("POST", &item.post)] {
            if let Some(operation) = operation {
                routes.insert(format!("{method} {path}"), operation.summary.clone().into());
            }
        }
    }
    json!({
        "name": document.info.title,
        "version": document.info.version,
        "documentation": "docs/",
        "openapi": "openapi.json",
        "routes": routes,
    })
}
