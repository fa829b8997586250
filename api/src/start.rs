//! The start, which waits for the database as long as it takes, and the watch of the database.

use std::time::{Duration, Instant};

use service::{Exit, Failure, Health};
use views::{Database, Recovery};

use crate::state::AppState;
use crate::watch::Watch;

const CHECK_LIMIT: Duration = Duration::from_secs(3);
const DATABASE_WATCH: Watch = Watch {
    name: "database watch",
    pause: Duration::from_secs(1),
    check_limit: Duration::from_secs(10),
    overdue_after: Duration::from_secs(30),
};

/// Brings the tables up to date. Fails only if a person must act.
pub async fn migrate(database: &Database, health: &Health) -> Result<(), Failure> {
    health.set("database", Err("not connected yet"));
    let attempt = || async {
        let result = views::migrate::migrate(database).await;
        if let Err(error) = &result {
            health.set("database", Err(error.to_string()));
        }
        result
    };
    let is_passing = |error: &views::Error| error.recovery() != Recovery::Stop;
    let what = format!("database {database}");
    retry::retry(&what, is_passing, attempt).await.map_err(failure)?;
    health.set_started();
    Ok(())
}

fn failure(error: views::Error) -> Failure {
    let exit = if error.is_about_the_url() { Exit::Usage } else { Exit::Unexpected };
    Failure::with(exit)(error)
}

/// Checks the database until the end of the process, for `/health/ready` and the metrics.
pub async fn watch_database(state: &AppState) -> ! {
    DATABASE_WATCH.run(&state.health, || check(state)).await
}

async fn check(state: &AppState) {
    let health = &state.health;
    let head = match tokio::time::timeout(CHECK_LIMIT, state.reader_unchecked().head()).await {
        Ok(Ok(head)) => head,
        // A busy pool is not a fault: the requests that hold its connections are being answered.
        Ok(Err(views::Error::Pool { .. })) => return,
        Ok(Err(error)) => return health.set("database", Err(error.to_string())),
        Err(_) => {
            return health.set("database", Err(format!("no answer within {} s", CHECK_LIMIT.as_secs())));
        }
    };
    health.set("database", Ok::<_, String>(()));
    metrics::gauge!("food_orders_open_dead_letters", "view" => views::ORDERS)
        .set(head.open_dead_letters as f64);
    metrics::gauge!("food_orders_active_build", "view" => views::ORDERS).set(head.build.0 as f64);
    if let Some(behind) = state.lag.behind(&head.offsets(), Instant::now()) {
        metrics::gauge!("food_orders_lag_events", "view" => views::ORDERS).set(behind.events as f64);
        metrics::gauge!("food_orders_lag_seconds", "view" => views::ORDERS).set(behind.seconds);
    }
}
