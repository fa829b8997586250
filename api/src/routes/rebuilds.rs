//! `/rebuilds`.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, RawQuery, Request as HttpRequest, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rebuild::{RebuildView, Request, SwitchMode};
use serde::{Deserialize, Serialize};

use crate::body::JsonBody;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;

mod schema;

pub use schema::Rebuild;

/// What to rebuild, and how it ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RebuildRequest)]
pub struct RebuildRequest {
    /// The view; `orders` is the only one so far.
    #[serde(default = "orders")]
    #[schema(default = "orders")]
    view: String,
    /// Only plan: is the whole log still there, how much is it, how long would it take.
    #[serde(default)]
    dry_run: bool,
    /// `auto`: switched in once it was verified. `manual`: waits in `ready`.
    #[serde(default)]
    #[schema(value_type = String, default = "auto", pattern = "^(auto|manual)$")]
    switch: SwitchMode,
}

fn orders() -> String {
    views::ORDERS.to_owned()
}

/// The newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RebuildList {
    #[schema(value_type = Vec<Rebuild>)]
    rebuilds: Vec<RebuildView>,
}

/// Rebuild a view from offset 0, beside the one that serves
#[utoipa::path(
    post, path = "/rebuilds", tag = "rebuilds", operation_id = "startRebuild", request_body = RebuildRequest,
    security(("admin_token" = [])),
    responses((status = 202, description = "Begun, or gone on with; or planned, for a dry run", body = Rebuild,
        headers(("Location" = String, description = "Where its state can be read"))))
)]
pub async fn post(State(state): State<AppState>, request: HttpRequest) -> Result<Response, Problem> {
    // Before the body is looked at: whoever may not ask learns nothing more.
    state.admin.check(request.headers())?;
    Query::parse(request.uri().query(), &[])?;
    state.reader()?;
    let JsonBody(asked) = JsonBody::<RebuildRequest>::from_request(request, &()).await?;
    let request = Request { view: asked.view, switch: asked.switch };
    let id = match asked.dry_run {
        true => state.rebuilds.dry_run(&request).await?,
        false => state.rebuilds.start(&request).await?,
    };
    let location = format!("/rebuilds/{id}");
    let rebuild = find(&state, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(rebuild)).into_response())
}

/// The rebuilds so far, the newest first
#[utoipa::path(
    get, path = "/rebuilds", tag = "rebuilds", operation_id = "listRebuilds",
    params(("limit" = Option<u32>, Query, description = "1 to 1000; 50 without it")),
    responses((status = 200, description = "The rebuilds", body = RebuildList))
)]
pub async fn list(State(state): State<AppState>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let limit = Query::parse(raw.as_deref(), &[&["limit"]])?.limit(50)?;
    state.reader()?;
    let rebuilds = state.rebuilds.list(limit.into()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(RebuildList { rebuilds })).into_response())
}

/// One rebuild: its state, and how far it is
#[utoipa::path(
    get, path = "/rebuilds/{id}", tag = "rebuilds", operation_id = "getRebuild",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The rebuild", body = Rebuild))
)]
pub async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    state.reader()?;
    let id = path.ok().and_then(|Path(text)| text.parse().ok());
    let id = id.ok_or_else(|| Problem::bad_request("the id of a rebuild is a whole number"))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(find(&state, id).await?)).into_response())
}

async fn find(state: &AppState, id: i64) -> Result<RebuildView, Problem> {
    state.rebuilds.get(id).await?.ok_or_else(|| Problem::not_found(format!("there is no rebuild {id}")))
}
