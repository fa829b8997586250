//! `/dead-letters`.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, header};
use dead_letters::DeadLetterId;

use crate::problem::Problem;
use crate::state::AppState;

mod bulk;
pub mod decide;
pub mod list;
pub mod one;
mod schema;

pub use bulk::{__path_retry_all, retry_all};
pub use schema::{BulkReport, DeadLetter};

/// An `{id}` of a path.
fn dead_letter_id(path: Result<Path<String>, PathRejection>) -> Result<DeadLetterId, Problem> {
    let Ok(Path(text)) = path else { return Err(Problem::bad_request("the path is no UTF-8")) };
    text.parse()
        .map_err(|error: views::dead_letters::BadDeadLetterId| Problem::bad_request(error.to_string()))
}

/// Whether keys, payloads and headers' values are shown: to whoever brings the token. A wrong
/// one is refused, so that nobody takes the short answer for the whole one.
fn may_see_bytes(state: &AppState, headers: &HeaderMap) -> Result<bool, Problem> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(false);
    }
    state.admin.check(headers).map(|()| true)
}
