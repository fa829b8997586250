//! `GET /dead-letters`.

use ::dead_letters::{DeadLetterBody, DeadLetterFilter, DeadLetterId, DeadLetterState, UnknownState};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orders::{Cause, OrderId};
use serde::{Deserialize, Serialize};
use views::read::Page;

use super::{cause, may_see_bytes};
use crate::answer::Freshness;
use crate::cursor;
use crate::problem::{AnyRequest, Guarded, Problem, Problems, Waiting};
use crate::query::{InQuery, MAX_LIMIT, Parameter, ParameterSet, Query, integer, schema_of, text};
use crate::state::AppState;
use crate::wait::WaitParameters;

const FILTERS: [&str; 3] = ["state", "cause", "order_id"];
const DEFAULT_LIMIT: u32 = 50;

pub enum ListParameters {}

impl ParameterSet for ListParameters {
    const ALL: &'static [Parameter] = &[
        Parameter {
            name: FILTERS[0],
            about: "Only dead letters in this state.",
            schema: schema_of::<DeadLetterState>,
        },
        Parameter { name: FILTERS[1], about: "Only dead letters of this cause.", schema: schema_of::<Cause> },
        Parameter {
            name: FILTERS[2],
            about: "Only dead letters whose record belongs to this order.",
            schema: schema_of::<OrderId>,
        },
        Parameter {
            name: "limit",
            about: "How many dead letters a page may have.",
            schema: || integer(1, Some(MAX_LIMIT.into()), Some(DEFAULT_LIMIT.into())),
        },
        Parameter {
            name: "cursor",
            about: "`next_cursor` of the page before. It carries the filters.",
            schema: text,
        },
    ];
}

/// A page of dead letters.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeadLetterList {
    dead_letters: Vec<DeadLetterBody>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What a list was asked for, and where a page ended.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The values of [`FILTERS`].
    q: [Option<String>; 3],
    /// The last dead letter of the page.
    k: String,
}

/// List dead letters by partition and offset, in pages
///
/// Keys, payloads and the values of headers are answered only to a client that sends the admin token.
#[utoipa::path(
    get, path = "/dead-letters", tag = "dead-letters", operation_id = "listDeadLetters",
    params(InQuery<ListParameters>, InQuery<WaitParameters>),
    security((), ("admin_token" = [])),
    responses(
        (status = 200, description = "A page of dead letters.", body = DeadLetterList),
        Problems<AnyRequest>, Problems<Guarded>, Problems<Waiting>
    )
)]
pub async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[ListParameters::ALL, WaitParameters::ALL])?;
    let limit = query.limit(DEFAULT_LIMIT)?;
    let (filters, after) = start_of_page(&query)?;
    let filter = filter(&filters)?;
    let with_bytes = may_see_bytes(&state, &headers)?;
    let answer = state
        .reader_for(&query, None)
        .await?
        .dead_letters(&filter, after, i64::from(limit), with_bytes)
        .await?;
    let Page { rows: dead_letters, has_more } = answer.value;
    let next_cursor = match dead_letters.last() {
        Some(last) if has_more => Some(cursor::encode(&Cursor { q: filters, k: last.id.to_string() })),
        _ => None,
    };
    let dead_letters = dead_letters.into_iter().map(DeadLetterBody::from).collect();
    let freshness = Freshness::of(&answer.head, &state.lag).in_turn(answer.turn);
    let freshness = if with_bytes { freshness.for_operators() } else { freshness };
    freshness.json(&DeadLetterList { dead_letters, next_cursor })
}

/// The values of [`FILTERS`], and the dead letter after which the page begins. Filters beside a cursor may only
/// repeat what it carries.
fn start_of_page(query: &Query) -> Result<([Option<String>; 3], Option<DeadLetterId>), Problem> {
    let given = FILTERS.map(|name| query.get(name).map(str::to_owned));
    let Some(text) = query.get("cursor") else { return Ok((given, None)) };
    let Cursor { q, k } = cursor::decode(text)?;
    for ((name, given), carried) in FILTERS.iter().zip(&given).zip(&q) {
        if given.is_some() && given != carried {
            let detail = format!(
                "{name} is {:?}, but the cursor belongs to another list; begin that list without a cursor",
                given.as_deref().unwrap_or_default()
            );
            return Err(Problem::bad_request(detail));
        }
    }
    Ok((q, Some(k.parse().map_err(|_| cursor::broken())?)))
}

fn filter([state, cause, order_id]: &[Option<String>; 3]) -> Result<DeadLetterFilter, Problem> {
    let state = state.as_deref().map(str::parse::<DeadLetterState>).transpose();
    let state = state.map_err(|error: UnknownState| Problem::bad_request(format!("state: {error}")))?;
    let cause = cause.as_deref().map(self::cause).transpose()?;
    if let Some(order_id) = order_id {
        OrderId::parse(order_id).map_err(|error| Problem::bad_request(error.to_string()))?;
    }
    Ok(DeadLetterFilter {
        state: state.map(|state| state.as_str().to_owned()),
        cause,
        order_id: order_id.clone(),
    })
}
