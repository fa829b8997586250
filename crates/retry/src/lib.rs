//! How the programs wait for a server that is away: one back-off, one retry loop, and one limit for the
//! warnings meanwhile. This crate knows nothing about what is attempted.
//!
//! A loop that has more to do than wait (commands that arrive meanwhile, a metric per attempt) is
//! written out where it belongs, with a [`Backoff`] in it. Every other loop is [`retry`].

mod backoff;
mod throttle;

use std::fmt::Display;
use std::time::{Duration, Instant};

pub use backoff::Backoff;
pub use throttle::Throttle;

/// Calls `attempt` until it succeeds or fails with an error that will not pass, and returns that result.
///
/// After an error for which `is_passing` returns true, it pauses as [`Backoff`] says and calls `attempt` again.
/// Meanwhile it warns at most every 10 s that it is "waiting for `what`", with the latest error.
///
/// It never gives up by itself. The caller can add what ends it early:
///
/// - a signal: `stop.run_until_cancelled(retry(…)).await` is `None` once the token is cancelled. An attempt in
///   flight is dropped, so it must be safe to cancel;
/// - a time limit: [`retry_within`].
///
/// An example: `retry("PostgreSQL", Error::is_passing, || connect(&settings))`. `attempt` is not an async
/// closure because a bound on one cannot yet require that its future is `Send`.
pub async fn retry<T, E: Display, F: Future<Output = Result<T, E>>>(
    what: &str,
    is_passing: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let mut backoff = Backoff::default();
    let mut warnings = Throttle::default();
    loop {
        let error = match attempt().await {
            Err(error) if is_passing(&error) => error,
            result => return result,
        };
        if warnings.is_due() {
            tracing::warn!(%error, "waiting for {what}");
        }
        tokio::time::sleep(backoff.next_pause()).await;
    }
}

/// As [`retry()`], for a caller that somebody waits for: once `limit` is over, it returns the latest error.
pub async fn retry_within<T, E: Display, F: Future<Output = Result<T, E>>>(
    what: &str,
    limit: Duration,
    is_passing: impl Fn(&E) -> bool,
    attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let began = Instant::now();
    retry(what, |error| is_passing(error) && began.elapsed() < limit, attempt).await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Error {
        Passing,
        Lasting,
    }

    impl Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{self:?}")
        }
    }

    fn is_passing(error: &Error) -> bool {
        *error == Error::Passing
    }

    #[tokio::test]
    async fn it_attempts_until_one_succeeds() {
        let mut attempts = 0;
        let result = retry("the third attempt", is_passing, || {
            attempts += 1;
            ready(if attempts < 3 { Err(Error::Passing) } else { Ok("here") })
        });
        assert_eq!(result.await, Ok("here"));
        assert_eq!(attempts, 3);
    }

    #[tokio::test]
    async fn an_error_that_will_not_pass_ends_it_at_once() {
        let mut attempts = 0;
        let result = retry("nothing", is_passing, || {
            attempts += 1;
            ready(Err::<(), _>(Error::Lasting))
        });
        assert_eq!(result.await, Err(Error::Lasting));
        assert_eq!(attempts, 1);
    }

    #[tokio::test]
    async fn it_pauses_between_two_attempts() {
        let began = Instant::now();
        let mut left = 4;
        let result = retry("four pauses", is_passing, || {
            left -= 1;
            ready(if left >= 0 { Err(Error::Passing) } else { Ok(()) })
        });
        assert_eq!(result.await, Ok(()));
        // The shortest pauses: 10, 20, 40 and 80 ms.
        assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_time_limit_returns_the_last_error() {
        let began = Instant::now();
        let limit = Duration::from_millis(100);
        let result = retry_within("nothing", limit, is_passing, || ready(Err::<(), _>(Error::Passing))).await;
        assert_eq!(result, Err(Error::Passing));
        assert!(began.elapsed() >= limit);
    }

    /// As the programs do it: from a task, so the future must be `Send`.
    #[tokio::test]
    async fn a_stop_token_ends_the_wait() {
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                let server = String::from("away");
                let attempt = || async { if server.is_empty() { Ok(()) } else { Err(Error::Passing) } };
                stop.run_until_cancelled(retry("a server", is_passing, attempt)).await
            }
        });
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), task).await;
        assert_eq!(ended.expect("it ends soon").expect("the task does not panic"), None);
    }
}
