//! The start, which waits for the database as long as it takes, and the watch of the database.

use std::time::{Duration, Instant};

use orders::LogIdentity;
use service::{Exit, Failure, Health};
use views::builds::Active;
use views::read::{Answer, ReadError};
use views::{Database, SessionKind, StartLimit};

use crate::state::AppState;
use crate::watch::Watch;

const CHECK_LIMIT: Duration = Duration::from_secs(3);
const DATABASE_WATCH: Watch = Watch {
    name: "database watch",
    pause: Duration::from_secs(1),
    check_limit: Duration::from_secs(10),
    overdue_after: Duration::from_secs(30),
};

/// Brings the tables up to date. Fails only if a person must act. `max_record_bytes` is this program's setting.
pub async fn migrate(database: &Database, max_record_bytes: usize, health: &Health) -> Result<(), Failure> {
    health.set("database", Err("not connected yet"));
    let attempt = || async {
        let result = views::migrate::migrate(database).await;
        if let Err(error) = &result {
            health.set("database", Err(error.to_string()));
        }
        result
    };
    let limit = StartLimit::default();
    retry::retry("PostgreSQL", |error| limit.is_passing(error), attempt).await.map_err(failure)?;
    compare_limit(database, max_record_bytes).await;
    health.set_started();
    Ok(())
}

/// Warns if this program would rebuild the view with another size limit than that of the live build.
async fn compare_limit(database: &Database, own: usize) {
    let active = async {
        let session = database.session("food-orders api", SessionKind::Short).await?;
        views::builds::active(&session).await
    };
    match active.await {
        Ok(Active { build, max_record_bytes: Some(limit), .. }) if limit != own => tracing::warn!(
            %build,
            limit_of_the_build = limit,
            own_setting = own,
            "MAX_RECORD_BYTES differs from the limit that the live build was made with; a rebuild by this program \
             would make another projection, and older complete cuts would be answered with 410"
        ),
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "the size limit of the live build was not read"),
    }
}

fn failure(error: views::Error) -> Failure {
    let exit = if error.is_about_the_url() { Exit::Usage } else { Exit::Unexpected };
    Failure::with(exit)(error)
}

/// Checks the database until the end of the process, for `/health/ready` and the metrics.
pub async fn watch_database(state: &AppState) -> ! {
    DATABASE_WATCH.run(&state.health, || check(state)).await
}

/// Notices that Kafka's log is not the one that the tables were made from: a setting is wrong, or the topic was made again.
fn compare_logs(state: &AppState, recorded: Option<&LogIdentity>) {
    let detail = state.lag.compare(recorded).map(|conflict| {
        format!("{conflict}; the lag is unknown: are KAFKA_TOPIC, KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL of one deployment?")
    });
    state.health.set("log", Ok::<_, String>(()));
    state.health.set_detail("log", detail);
}

async fn check(state: &AppState) {
    let health = &state.health;
    let read = tokio::time::timeout(CHECK_LIMIT, state.reader_unchecked().log_identity()).await;
    let Answer { head, value: recorded, .. } = match read {
        Ok(Ok(answer)) => answer,
        // A busy pool is not a fault: the requests that hold its connections are being answered.
        Ok(Err(ReadError::Database(views::Error::Pool { .. }))) => return,
        Ok(Err(error)) => return health.set("database", Err(error.to_string())),
        Err(_) => {
            return health.set("database", Err(format!("no answer within {} s", CHECK_LIMIT.as_secs())));
        }
    };
    health.set("database", Ok::<_, String>(()));
    compare_logs(state, recorded.as_ref());
    metrics::gauge!("food_orders_open_dead_letters", "view" => views::ORDERS)
        .set(head.open_dead_letters as f64);
    metrics::gauge!("food_orders_active_build", "view" => views::ORDERS).set(head.build.0 as f64);
    let behind = state.lag.behind(&head.offsets(), Instant::now());
    // Not a number: the lag is unknown.
    let (events, seconds) =
        behind.map_or((f64::NAN, f64::NAN), |behind| (behind.events as f64, behind.seconds));
    metrics::gauge!("food_orders_lag_events", "view" => views::ORDERS).set(events);
    metrics::gauge!("food_orders_lag_seconds", "view" => views::ORDERS).set(seconds);
}
