//! The switch: the rest of the log under the live positions' lock, then everything
//! points to the new build. Tried again until it works: each try holds the live
//! writers off for a short time only.

use std::time::Duration;

use views::rebuild::{Switch, drop_superseded, view_readers};
use views::{Build, SessionKind};

use crate::error::{Error, Result};
use crate::lanes::Lanes;
use crate::runner::{Runner, Step, taken};

/// How long the live writers may be held off.
const HOLD: Duration = Duration::from_secs(2);
/// How long one lock is waited for; readers or writers queue behind a wait.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// A transaction that writes a large batch may take longer than one lock time-out.
const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Runner {
    pub(crate) async fn switch_in(&self, build: Build) -> Result<Step> {
        let mut lanes = self.lanes(build);
        for attempt in 1_u32.. {
            self.wait_for_view_readers().await?;
            self.come_close(&mut lanes).await?;
            match self.try_switch(build, &mut lanes, attempt).await {
                Ok(()) => break,
                Err(Error::Taken) => return Err(Error::Taken),
                Err(error) if is_busy(&error) => {
                    let pause = (LOCK_TIMEOUT * attempt).min(LONGEST_PAUSE);
                    tracing::info!(rebuild = self.row.rebuild, attempt, %error, "the switch is tried again");
                    self.meter.wait_for(Some(format!("to switch, after {attempt} tries: {error}")));
                    tokio::time::sleep(pause).await;
                    // A try that was cut off took its lanes with it.
                    lanes = self.lanes(build);
                }
                Err(error) => return Err(error),
            }
        }
        drop(lanes);
        let mut session = self.session(SessionKind::Short).await?;
        match drop_superseded(&mut session, &self.view).await {
            Ok(dropped) if dropped.is_empty() => {}
            Ok(dropped) => tracing::info!(builds = ?dropped, "dropped superseded builds"),
            // The switch stands; the next rebuild drops them.
            Err(error) => tracing::warn!(%error, "superseded builds were not dropped"),
        }
        Ok(Step::Next)
    }

    async fn try_switch(&self, build: Build, lanes: &mut Lanes, attempt: u32) -> Result<()> {
        let mut session = self.session(SessionKind::Switching).await?;
        let patience = (LOCK_TIMEOUT * attempt).min(LONGEST_LOCK_TIMEOUT);
        let switch = Switch::begin(&mut session, patience).await?;
        let held = async {
            lanes.apply_to(&switch.positions().iter().collect()).await?;
            switch.finish(build, &self.row).await.map_err(taken)
        };
        match tokio::time::timeout(HOLD, held).await {
            Ok(result) => result,
            Err(_) => Err(Error::Held),
        }
    }

    /// A long read of the public views would make the switch wait, and others wait behind it.
    async fn wait_for_view_readers(&self) -> Result<()> {
        let session = self.session(SessionKind::Short).await?;
        let mut told = Vec::new();
        loop {
            let readers = view_readers(&session).await?;
            if readers.is_empty() {
                break;
            }
            if readers != told {
                tracing::info!(pids = ?readers, "the switch waits for reads of the public views to end");
                self.meter.wait_for(Some(format!("reads of the public views to end (pids {readers:?})")));
                told = readers;
            }
            tokio::time::sleep(LOCK_TIMEOUT).await;
        }
        if !told.is_empty() {
            self.meter.wait_for(None);
        }
        Ok(())
    }
}

/// Somebody else holds what is needed: later.
fn is_busy(error: &Error) -> bool {
    match error {
        Error::Held => true,
        Error::Views(error) => {
            error.sqlstate().is_some_and(|code| matches!(code.code(), "55P03" | "40P01" | "40001"))
        }
        _ => false,
    }
}
