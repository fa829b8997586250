//! How a rebuild looks in the OpenAPI document; `crates/rebuild` writes the JSON, and
//! tests/openapi.rs holds the two together.
#![expect(dead_code, reason = "only the schemas are used")]

use utoipa::ToSchema;

/// One rebuild of a view.
#[derive(ToSchema)]
pub struct Rebuild {
    id: i64,
    #[schema(example = "orders")]
    view: String,
    /// planned, loading, deriving, catching_up, verifying, ready, switching, active; or cancelled, failed; later
    /// superseded, rolled_back.
    #[schema(example = "loading")]
    state: String,
    /// The build that is being made; null while planned.
    build: Option<i64>,
    /// `auto` or `manual`.
    switch: String,
    dry_run: bool,
    /// Why it failed or was cancelled.
    reason: Option<String>,
    plan: Option<Plan>,
    progress: Option<Progress>,
    differences: Option<Differences>,
    /// The process that drives it, or did last.
    runner: Option<String>,
    #[schema(format = DateTime)]
    requested_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
}

/// What was found before the start.
#[derive(ToSchema)]
struct Plan {
    /// The build that served then.
    live_build: i64,
    cluster_id: String,
    topic: String,
    /// Null where the broker gives topics none.
    topic_id: Option<String>,
    partitions: Vec<PlannedPartition>,
    /// Offsets from the beginning to the end.
    events: u64,
    /// Estimate of the new build's size.
    bytes: u64,
    disk_needed_bytes: u64,
    /// Null: the database's file system cannot be seen from here.
    disk_free_bytes: Option<u64>,
    events_per_second: f64,
    /// `last_rebuild` or `default`.
    rate_source: String,
    estimated_seconds: f64,
}

#[derive(ToSchema)]
struct PlannedPartition {
    partition: i32,
    /// The first offset that is still there.
    begin: i64,
    /// The end when it was planned.
    end: i64,
}

/// How far the current phase is.
#[derive(ToSchema)]
struct Progress {
    state: Option<String>,
    partitions: Vec<PartitionProgress>,
    events: u64,
    events_total: u64,
    events_per_second: f64,
    /// Until the end of this phase; null: not known yet.
    eta_seconds: Option<f64>,
    waits_for: Option<String>,
    /// Those that are over.
    phases: Vec<Phase>,
}

#[derive(ToSchema)]
struct PartitionProgress {
    partition: i32,
    from: i64,
    to: i64,
    /// Offset of the next record to load.
    loaded: i64,
}

#[derive(ToSchema)]
struct Phase {
    state: String,
    events: u64,
    seconds: f64,
}

/// What verifying found to differ between the log and the build.
#[derive(ToSchema)]
struct Differences {
    total: u64,
    unexplored_stretches: u64,
    /// The first of them.
    listed: Vec<Difference>,
}

#[derive(ToSchema)]
struct Difference {
    table: String,
    partition: Option<i32>,
    offset: Option<i64>,
    order_id: Option<String>,
    /// None: the whole row.
    column: Option<String>,
    expected: Option<String>,
    found: Option<String>,
}
