//! `GET /dead-letters`.

use ::dead_letters::{DeadLetterFilter, DeadLetterView};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use orders::{Cause, OrderId};
use serde::{Deserialize, Serialize};
use views::dead_letters::DeadLetterId;

use super::{DeadLetter, may_see_bytes};
use crate::answer::Freshness;
use crate::cursor;
use crate::openapi::{DeadLetterParams, WaitParams};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;
use crate::wait;

const FILTERS: &[&str] = &["state", "cause", "order_id"];
const NAMES: &[&str] = &["limit", "cursor"];

/// A page of dead letters.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeadLetterList {
    #[schema(value_type = Vec<DeadLetter>)]
    dead_letters: Vec<DeadLetterView>,
    /// For `cursor`, to get the next page; null: this was the last one.
    next_cursor: Option<String>,
}

/// A list's question, and the answer's place in it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// state, cause, order_id.
    q: [Option<String>; 3],
    /// The page's last dead letter.
    k: String,
}

/// Dead letters by partition and offset, in pages; keys, payloads and headers' values only with the admin token
#[utoipa::path(
    get, path = "/dead-letters", tag = "dead-letters", operation_id = "listDeadLetters", params(DeadLetterParams, WaitParams),
    security((), ("admin_token" = [])),
    responses((status = 200, description = "A page of dead letters", body = DeadLetterList))
)]
pub async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[FILTERS, NAMES, wait::NAMES])?;
    let limit = query.limit(50)?;
    let (asked, after) = asked(&query)?;
    let filter = filter(&asked)?;
    let with_bytes = may_see_bytes(&state, &headers)?;
    // One more than asked for tells whether there is a next page.
    let answer = state
        .reader_for(&query, None)
        .await?
        .dead_letters(&filter, after, i64::from(limit) + 1, with_bytes)
        .await?;
    let mut dead_letters = answer.value;
    let more = dead_letters.len() > limit as usize;
    dead_letters.truncate(limit as usize);
    let next_cursor = match dead_letters.last() {
        Some(last) if more => Some(cursor::encode(&Cursor { q: asked, k: last.id.to_string() })),
        _ => None,
    };
    let dead_letters = dead_letters.into_iter().map(DeadLetterView::from).collect();
    Freshness::of(&answer.head, &state.lag).json(&DeadLetterList { dead_letters, next_cursor })
}

/// The filters' texts, and where to begin. Filters beside a cursor may repeat what it says, nothing else.
fn asked(query: &Query) -> Result<([Option<String>; 3], Option<DeadLetterId>), Problem> {
    let given = [FILTERS[0], FILTERS[1], FILTERS[2]].map(|name| query.get(name).map(str::to_owned));
    let Some(text) = query.get("cursor") else { return Ok((given, None)) };
    let Cursor { q, k } = cursor::decode(text)?;
    for ((name, given), carried) in FILTERS.iter().zip(&given).zip(&q) {
        if given.is_some() && given != carried {
            let detail = format!(
                "{name} is {:?}, but the cursor is of a list without that; begin a new list without a cursor",
                given.as_deref().unwrap_or_default()
            );
            return Err(Problem::bad_request(detail));
        }
    }
    Ok((q, Some(k.parse().map_err(|_| cursor::broken())?)))
}

fn filter([state, cause, order_id]: &[Option<String>; 3]) -> Result<DeadLetterFilter, Problem> {
    if let Some(state) = state
        && !["open", "retried", "discarded"].contains(&state.as_str())
    {
        return Err(Problem::bad_request(format!("state is {state:?}; it is open, retried or discarded")));
    }
    let cause = cause.as_deref().map(self::cause).transpose()?;
    if let Some(order_id) = order_id {
        OrderId::parse(order_id).map_err(|error| Problem::bad_request(error.to_string()))?;
    }
    Ok(DeadLetterFilter { state: state.clone(), cause, order_id: order_id.clone() })
}

pub(super) fn cause(text: &str) -> Result<Cause, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("cause: {error}")))
}
