//! Start-up, which waits for the database as long as it takes, and the watch over it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use service::exit::chain;
use service::{Exit, Failure, Health};
use views::{Database, Recovery};

use crate::state::AppState;

const CHECK_EACH: Duration = Duration::from_secs(1);
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// Brings the tables up to date, then checks the database until the end. Returns only
/// when a person must act.
pub async fn start_and_watch(
    database: &Database,
    health: &Health,
    state: &AppState,
) -> Result<Infallible, Failure> {
    health.set("database", Err("not connected yet"));
    migrate(database, health).await?;
    health.set_started();
    let checking = async {
        loop {
            let begun = Instant::now();
            check(health, state).await;
            tokio::time::sleep(CHECK_EACH.saturating_sub(begun.elapsed())).await;
        }
    };
    tokio::select! {
        never = checking => never,
        never = state.rebuilds.look_after() => never,
    }
}

async fn migrate(database: &Database, health: &Health) -> Result<(), Failure> {
    for attempt in 1.. {
        let error = match views::migrate::migrate(database).await {
            Ok(()) => return Ok(()),
            Err(error) if error.recovery() != Recovery::Stop => chain(&error),
            Err(error) => return Err(Failure::with(Exit::Unexpected)(error)),
        };
        health.set("database", Err(error.as_str()));
        // Doubles from an eighth of a second to 4 s.
        let pause = Duration::from_millis(125 << attempt.min(5));
        tracing::warn!(%database, error, retry_in_ms = pause.as_millis() as u64, "waiting for the database");
        tokio::time::sleep(pause).await;
    }
    unreachable!("the loop has no other end")
}

async fn check(health: &Health, state: &AppState) {
    let head = match tokio::time::timeout(CHECK_TIMEOUT, state.reader_unchecked().head()).await {
        Ok(Ok(head)) => head,
        // Busy is not broken: the requests that hold the connections are being answered.
        Ok(Err(views::Error::Pool { .. })) => return,
        Ok(Err(error)) => return health.set("database", Err(chain(&error))),
        Err(_) => {
            return health.set("database", Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())));
        }
    };
    health.set("database", Ok::<_, String>(()));
    metrics::gauge!("food_orders_open_letters", "view" => views::ORDERS).set(head.open_dead_letters as f64);
    metrics::gauge!("food_orders_active_build", "view" => views::ORDERS).set(head.build.0 as f64);
    if let Some(behind) = state.lag.behind(&head.offsets(), Instant::now()) {
        metrics::gauge!("food_orders_lag_events", "view" => views::ORDERS).set(behind.events as f64);
        metrics::gauge!("food_orders_lag_seconds", "view" => views::ORDERS).set(behind.seconds);
    }
}
