//! `GET /lag`.

use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use orders::Time;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Freshness;
use crate::problem::{AnyRequest, Problem, Problems, Waiting};
use crate::query::{InQuery, ParameterSet, Query};
use crate::state::AppState;
use crate::wait::WaitParameters;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(get))
}

/// How far the views are behind the log.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Lag)]
pub struct LagBody {
    views: Vec<ViewLag>,
}

/// How far one view is behind the log. What depends on the ends of the log is null while Kafka does not answer.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ViewLag {
    #[schema(schema_with = views::openapi::view_name)]
    view: &'static str,
    build: i64,
    projection_version: i32,
    /// How many events the log has and the view has not applied.
    #[schema(required)]
    events_behind: Option<i64>,
    /// Seconds since the view was last level with the log.
    #[schema(required)]
    seconds_behind: Option<f64>,
    partitions: Vec<PartitionBody>,
}

/// How far one partition is applied.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PartitionLag)]
pub struct PartitionBody {
    partition: i32,
    /// The offset of the next record to apply.
    applied: i64,
    /// The offset that the next record of the log will have.
    #[schema(required)]
    end: Option<i64>,
    /// How many events of the partition are not applied.
    #[schema(required)]
    events_behind: Option<i64>,
    /// Seconds since the view was last level with the end of the partition.
    #[schema(required)]
    seconds_behind: Option<f64>,
    /// The append time of the last record that was applied; null if none was.
    #[schema(required)]
    last_appended_at: Option<Time>,
}

/// Get how far each view and partition is behind the log
#[utoipa::path(
    get, path = "/lag", tag = "lag", operation_id = "getLag", params(InQuery<WaitParameters>),
    responses(
        (status = 200, description = "The lag of each view.", body = LagBody),
        Problems<AnyRequest>, Problems<Waiting>
    )
)]
pub async fn get(State(state): State<AppState>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &[WaitParameters::ALL])?;
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
    // Partitions of which no record has been applied yet.
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
        projection_version: head.projection.version,
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
