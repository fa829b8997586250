//! The routes, in folders that mirror the URLs.

pub mod dead_letters;
pub mod lag;
pub mod orders;
pub mod rebuilds;
pub mod stats;

use ::orders::OrderId;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::problem::Problem;

/// An `{order_id}` of a path.
fn order_id(path: Result<Path<String>, PathRejection>) -> Result<OrderId, Problem> {
    let Ok(Path(text)) = path else { return Err(Problem::bad_request("the path is no UTF-8")) };
    OrderId::parse(&text).map_err(|error| Problem::bad_request(error.to_string()))
}
