//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Long for what takes a moment on an idle machine, because tests run beside each other.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Calls `look` again and again until it returns something, and returns that. Fails after `limit`, naming
/// `condition`.
pub async fn eventually<T>(condition: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
