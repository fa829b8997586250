//! Looks at the group's mark after each assignment and every 10 s.
//!
//! Kafka lets nobody but members change the mark once a group has some. A member therefore commits nothing
//! before it has seen, since its latest assignment, that the group is not marked for another database:
//! otherwise, of two databases that joined at the same moment, each could overwrite the mark of the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use retry::Throttle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::Error;
use crate::group_check::GroupCheck;

const INTERVAL: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long a last look may take while the process stops, if there is as much time left.
const LAST_LOOK_LIMIT: Duration = Duration::from_secs(2);

pub struct GroupWatch {
    check: GroupCheck,
    /// How many assignments there were.
    assignments: watch::Sender<u64>,
    /// The number of assignments when the last check that found nothing wrong began.
    verified: Arc<AtomicU64>,
}

impl GroupWatch {
    pub fn new(check: GroupCheck) -> Self {
        Self { check, assignments: watch::Sender::new(0), verified: Arc::new(AtomicU64::new(0)) }
    }

    /// The group has assigned partitions: the mark has to be looked at before the next commit.
    pub fn assigned(&self) {
        self.assignments.send_modify(|assignments| *assignments += 1);
    }

    /// Whether this member may commit.
    pub fn is_verified(&self) -> bool {
        *self.assignments.borrow() == self.verified.load(Ordering::Relaxed)
    }

    /// The same, with a last look if there was none since the latest assignment, for at most `left`.
    pub async fn is_verified_at_last(&self, left: Duration) -> bool {
        let limit = LAST_LOOK_LIMIT.min(left);
        self.is_verified() || matches!(timeout(limit, self.check.verify()).await, Ok(Ok(())))
    }

    /// Returns only with the error that the group is marked for another database. From then on the member
    /// may not commit.
    pub fn look(&self) -> impl Future<Output = Error> + use<> {
        let (mut assignments, verified) = (self.assignments.subscribe(), self.verified.clone());
        let check = self.check.clone();
        async move {
            let mut warnings = Throttle::default();
            loop {
                let looked_at = *assignments.borrow_and_update();
                let pause = match check.verify().await {
                    Ok(()) => {
                        verified.store(looked_at, Ordering::Relaxed);
                        INTERVAL
                    }
                    Err(error @ Error::OtherDatabase { .. }) => {
                        verified.store(u64::MAX, Ordering::Relaxed);
                        return error;
                    }
                    // Whatever else keeps the mark from being read says nothing about this member's work.
                    Err(error) => {
                        if warnings.is_due() {
                            tracing::warn!(%error, "the mark of the group cannot be read; looking again");
                        }
                        RETRY_INTERVAL
                    }
                };
                tokio::select! {
                    Ok(()) = assignments.changed() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    #[tokio::test(start_paused = true)]
    async fn a_last_look_takes_no_longer_than_the_stop_may_take() {
        // Nothing listens on this port.
        let args = Args::parse_from(["consumer", "--kafka-bootstrap-servers", "127.0.0.1:1"]);
        let watch = GroupWatch::new(GroupCheck::new(&args.validate().unwrap(), "d").unwrap());
        assert!(watch.is_verified());
        watch.assigned();
        let left = Duration::from_millis(100);
        tokio::select! {
            biased;
            is_verified = watch.is_verified_at_last(left) => assert!(!is_verified),
            // The clock stands still otherwise.
            () = tokio::time::advance(2 * left) => panic!("it has not ended after {left:?}"),
        }
    }
}
