//! `GET /lag`.

use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use orders::Time;
use serde::Serialize;

use crate::answer::Freshness;
use crate::openapi::WaitParams;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;
use crate::wait;

/// How far the views are behind the log.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LagBody {
    views: Vec<ViewLag>,
}

/// One view. Null: the ends of the log are not known at the moment.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ViewLag {
    #[schema(example = "orders")]
    view: &'static str,
    build: i64,
    projection_version: i32,
    events_behind: Option<i64>,
    seconds_behind: Option<f64>,
    partitions: Vec<PartitionBody>,
}

/// One partition of the log.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PartitionBody {
    partition: i32,
    /// Offset of the next record to apply.
    applied: i64,
    /// Offset that the next record of the log will have.
    end: Option<i64>,
    events_behind: Option<i64>,
    /// Since the view was last level with this partition's end.
    seconds_behind: Option<f64>,
    /// Append time of the last record that was applied.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_appended_at: Option<Time>,
}

/// How far each view and partition is behind the log
#[utoipa::path(
    get, path = "/lag", tag = "lag", operation_id = "getLag", params(WaitParams),
    responses((status = 200, description = "The lag", body = LagBody))
)]
pub async fn get(State(state): State<AppState>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[wait::NAMES])?;
    let head = state.reader_for(&query, None).await?.head().await?;
    let (offsets, now) = (head.offsets(), Instant::now());
    let total = state.lag.behind(&offsets, now);
    let ends = state.lag.partitions(&offsets, now).unwrap_or_default();
    let mut partitions: Vec<_> = head
        .applied
        .iter()
        .map(|applied| {
            let lag = ends.get(&applied.partition);
            PartitionBody {
                partition: applied.partition.0,
                applied: applied.next.0,
                end: lag.map(|lag| lag.end.0),
                events_behind: lag.map(|lag| lag.behind.events),
                seconds_behind: lag.map(|lag| round(lag.behind.seconds)),
                last_appended_at: applied.last_appended_at,
            }
        })
        .collect();
    // Partitions that nobody has taken up yet.
    for (partition, lag) in ends.iter().filter(|(partition, _)| !offsets.contains(**partition)) {
        partitions.push(PartitionBody {
            partition: partition.0,
            applied: 0,
            end: Some(lag.end.0),
            events_behind: Some(lag.behind.events),
            seconds_behind: Some(round(lag.behind.seconds)),
            last_appended_at: None,
        });
    }
    partitions.sort_by_key(|lag| lag.partition);
    let view = ViewLag {
        view: views::ORDERS,
        build: head.build.0,
        projection_version: head.projection_version,
        events_behind: total.map(|behind| behind.events),
        seconds_behind: total.map(|behind| round(behind.seconds)),
        partitions,
    };
    Freshness::of(&head, &state.lag).json(&LagBody { views: vec![view] })
}

/// To the millisecond.
fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
