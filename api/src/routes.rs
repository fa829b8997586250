//! The routes, in folders that mirror the URLs.

mod dead_letters;
mod lag;
mod orders;
mod probes;
mod rebuilds;
mod stats;

use utoipa::Modify;
use utoipa_axum::router::OpenApiRouter;

use crate::answer::{ContentLocationHeader, FreshnessHeaders};
use crate::state::AppState;

/// All documented routes but the probes.
pub fn routes() -> OpenApiRouter<AppState> {
    let mut as_of = orders::routes().merge(stats::routes());
    ContentLocationHeader.modify(as_of.get_openapi_mut());
    let mut reads = as_of.merge(lag::routes()).merge(dead_letters::routes());
    FreshnessHeaders.modify(reads.get_openapi_mut());
    reads.merge(rebuilds::routes()).merge(probes::routes())
}
