//! `/orders`.

mod body;
mod change;
mod field_texts;
mod history;
mod list;
mod one;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use orders::OrderId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list::get))
        .routes(routes!(one::get))
        .routes(routes!(history::get))
}

/// The `{order_id}` of a path.
fn order_id(path: Result<Path<String>, PathRejection>) -> Result<OrderId, Problem> {
    let Ok(Path(text)) = path else { return Err(Problem::bad_request("the path is not valid UTF-8")) };
    OrderId::parse(&text).map_err(|error| Problem::bad_request(error.to_string()))
}

/// The order has no record, now or within the cut.
fn no_such_order(id: &OrderId, as_of: bool) -> Problem {
    let cut = if as_of { " within this cut" } else { "" };
    Problem::not_found(format!("order {:?} does not exist{cut}", id.as_str()))
}
