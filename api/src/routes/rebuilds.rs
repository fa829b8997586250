//! `/rebuilds`.

use ::dead_letters::Reason;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rebuild::{DryRun, Parts, RebuildView, Request, SwitchMode};
use serde::{Deserialize, Serialize};
use utoipa::Modify;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{JsonBody, OptionalBody};
use crate::problem::{AnyRequest, Guarded, Kind, Named, Problem, ProblemSet, Problems, WithBody};
use crate::query::{InQuery, MAX_LIMIT, Parameter, ParameterSet, Query, integer};
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    let mut post = OpenApiRouter::default().routes(routes!(post));
    OptionalBody.modify(post.get_openapi_mut());
    post.routes(routes!(list)).routes(routes!(get)).routes(routes!(cancel))
}

const DEFAULT_LIMIT: u32 = 50;

pub enum ListParameters {}

impl ParameterSet for ListParameters {
    const ALL: &'static [Parameter] = &[Parameter {
        name: "limit",
        about: "How many rebuilds are listed.",
        schema: || integer(1, Some(MAX_LIMIT.into()), Some(DEFAULT_LIMIT.into())),
    }];
}

pub enum OfPost {}

impl ProblemSet for OfPost {
    const KINDS: &'static [Kind] = &[Kind::RebuildRunning];
}

pub enum OfCancel {}

impl ProblemSet for OfCancel {
    const KINDS: &'static [Kind] = &[Kind::RebuildEnded];
}

/// What to rebuild, and how the rebuild ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RebuildRequest)]
pub struct RebuildRequest {
    #[serde(default = "orders")]
    #[schema(schema_with = views::openapi::view_name)]
    view: String,
    /// Only plan: whether the log still holds the records that the live tables were made from, how much it holds, and how
    /// long the rebuild would take. Comparing the log takes up to 10 s. A dry run is not a rebuild, and is recorded
    /// nowhere.
    #[serde(default)]
    dry_run: bool,
    /// `auto` switches the verified build in; `manual` lets it wait in state `ready`.
    #[serde(default)]
    #[schema(inline)]
    switch: SwitchMode,
    /// Why records that the log no longer holds are to be taken over from the live tables. It is recorded as a decision.
    /// Without a reason, a log that has lost records is refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    keep_history: Option<String>,
    /// Into how many parts the new tables of the orders and of their records are divided, by the hash of the order id; null:
    /// as many as the live ones.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 32)]
    parts: Option<Parts>,
}

fn orders() -> String {
    views::ORDERS.to_owned()
}

/// The rebuilds, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RebuildList {
    rebuilds: Vec<RebuildView>,
}

/// Rebuild a view from offset 0, beside the build that serves
///
/// A rebuild that no process drives any more is continued instead. Without a body the defaults hold.
#[utoipa::path(
    post, path = "/rebuilds", tag = "rebuilds", operation_id = "startRebuild", request_body = RebuildRequest,
    security(("admin_token" = [])),
    responses(
        (status = 200, description = "The dry run: what a rebuild would take, and whether it is possible.", body = DryRun),
        (status = 202, description = "The rebuild was begun or continued.", body = RebuildView,
            headers(("Location" = String, description = "The path of the rebuild."))),
        Problems<AnyRequest>, Problems<Guarded>, Problems<WithBody>, Problems<OfPost>
    )
)]
async fn post(State(state): State<AppState>, request: HttpRequest) -> Result<Response, Problem> {
    // The token comes first: without it a client learns nothing more.
    state.tokens.check_admin(request.headers())?;
    Query::parse(request.uri().query(), &[])?;
    state.reader()?;
    let JsonBody(body) = JsonBody::<RebuildRequest>::from_request(request, &()).await?;
    let RebuildRequest { view, dry_run, switch, keep_history, parts } = body;
    let request = Request { view, switch, keep_history: reason(keep_history)?, parts };
    if dry_run {
        return Ok(axum::Json(state.rebuilds.dry_run(&request).await?).into_response());
    }
    let id = state.rebuilds.start(&request).await?;
    let location = format!("/rebuilds/{id}");
    let rebuild = find(&state, id).await?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(rebuild)).into_response())
}

fn reason(keep_history: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = keep_history else { return Ok(None) };
    let reason = Reason::optional(Some(&text))?;
    if reason.as_str().is_empty() {
        return Err(Problem::bad_request("keep_history has to be a reason of 1 to 1000 characters"));
    }
    Ok(Some(reason.as_str().to_owned()))
}

/// List the rebuilds, the newest first
#[utoipa::path(
    get, path = "/rebuilds", tag = "rebuilds", operation_id = "listRebuilds", params(InQuery<ListParameters>),
    responses(
        (status = 200, description = "The rebuilds.", body = RebuildList),
        Problems<AnyRequest>
    )
)]
async fn list(State(state): State<AppState>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let limit = Query::parse(raw.as_deref(), &[ListParameters::ALL])?.limit(DEFAULT_LIMIT)?;
    state.reader()?;
    let rebuilds = state.rebuilds.list(limit.into()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(RebuildList { rebuilds })).into_response())
}

/// Get one rebuild: its state and its progress
#[utoipa::path(
    get, path = "/rebuilds/{id}", tag = "rebuilds", operation_id = "getRebuild",
    params(("id" = i64, Path, minimum = 1, description = "The number of the rebuild.")),
    responses(
        (status = 200, description = "The rebuild.", body = RebuildView),
        Problems<AnyRequest>, Problems<Named>
    )
)]
async fn get(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    state.reader()?;
    let rebuild = find(&state, id_of(path)?).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(rebuild)).into_response())
}

/// Cancel a rebuild that has not ended, whichever process drives it
///
/// That process notices within a second or two and drops the tables of the new build; the state is `cancelled` then. If no
/// process drives the rebuild, it is cancelled at once. To cancel a cancelled rebuild changes nothing.
#[utoipa::path(
    post, path = "/rebuilds/{id}/cancel", tag = "rebuilds", operation_id = "cancelRebuild",
    params(("id" = i64, Path, minimum = 1, description = "The number of the rebuild.")),
    security(("admin_token" = [])),
    responses(
        (status = 202, description = "The rebuild is cancelled, or is going to be: `cancel_requested_by` is set.",
            body = RebuildView, headers(("Location" = String, description = "The path of the rebuild."))),
        Problems<AnyRequest>, Problems<Guarded>, Problems<Named>, Problems<OfCancel>
    )
)]
async fn cancel(
    State(state): State<AppState>,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    // The token comes first: without it a client learns nothing more.
    state.tokens.check_admin(&headers)?;
    Query::parse(raw.as_deref(), &[])?;
    state.reader()?;
    let id = id_of(path)?;
    let rebuild = state.rebuilds.cancel(id).await?;
    let location = format!("/rebuilds/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(rebuild)).into_response())
}

fn id_of(path: Result<Path<String>, PathRejection>) -> Result<i64, Problem> {
    let id = path.ok().and_then(|Path(text)| text.parse().ok());
    id.ok_or_else(|| Problem::bad_request("the id of a rebuild must be a whole number"))
}

async fn find(state: &AppState, id: i64) -> Result<RebuildView, Problem> {
    state.rebuilds.get(id).await?.ok_or_else(|| Problem::not_found(format!("rebuild {id} does not exist")))
}
