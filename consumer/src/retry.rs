//! Waiting for a server that is not there yet, or not there any more.

use std::time::{Duration, Instant};

use service::{Failure, Shell};

const REPEAT_WARNING_AFTER: Duration = Duration::from_secs(10);

/// Whether to try again, and the error.
pub type Attempt<T> = Result<T, (bool, Failure)>;

/// Until it succeeds, or fails for good; `None` if the process is to stop meanwhile.
pub async fn retry<T>(
    shell: &Shell,
    what: &str,
    attempt: impl AsyncFn() -> Attempt<T>,
) -> Result<Option<T>, Failure> {
    let mut warned: Option<Instant> = None;
    for tries in 1.. {
        let failure = tokio::select! {
            () = shell.stop.cancelled() => return Ok(None),
            result = attempt() => match result {
                Ok(value) => return Ok(Some(value)),
                Err((true, failure)) => failure,
                Err((false, failure)) => return Err(failure),
            },
        };
        if warned.is_none_or(|at| at.elapsed() > REPEAT_WARNING_AFTER) {
            warned = Some(Instant::now());
            tracing::warn!(error = failure.message, "waiting for {what}");
        }
        tokio::select! {
            () = shell.stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(views::tx::pause(tries)) => {}
        }
    }
    Ok(None)
}
