//! Planning, loading and catching up: the steps that bring the log into the build.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::Ends;
use orders::{Partition, Position};
use views::rebuild::{self as rows, State};
use views::{Build, Session, SessionKind};

use crate::error::{Error, Result};
use crate::lanes::Lanes;
use crate::log;
use crate::plan::{self, Plan};
use crate::runner::{Runner, Step, taken};

/// A round that took no longer has left little to do.
const CLOSE: Duration = Duration::from_millis(500);

impl Runner {
    /// Finds out what is to be done and makes the build.
    pub(crate) async fn plan(&self, mut session: Session) -> Result<Step> {
        for build in rows::drop_leftovers(&mut session, &self.view).await? {
            tracing::info!(%build, "dropped a build that was left behind");
        }
        let (plan, refusal) = plan::make(&self.settings, &session, &self.view).await?;
        let value = serde_json::to_value(&plan).map_err(|error| Error::Other(error.to_string()))?;
        if let Some(refusal) = refusal {
            let (cause, reason) = (refusal.cause, refusal.reason);
            return Ok(Step::Fail { cause, reason, plan: Some(value), differences: None });
        }
        self.row.create_build(&mut session, &plan.log_identity(), &value).await.map_err(taken)?;
        Ok(Step::Next)
    }

    /// The history in bulk, without indexes, up to the ends that were planned.
    pub(crate) async fn load(&self, build: Build, plan: &Plan) -> Result<Step> {
        let mut lanes = Lanes::new(&self.settings, &self.owner(), build, true, &self.meter);
        lanes.apply_to(&plan.targets()).await?;
        drop(lanes);
        self.advance(&self.session(SessionKind::Short).await?, State::Loading, State::Deriving).await
    }

    /// What was appended meanwhile, by the ordinary code.
    pub(crate) async fn catch_up(&self, build: Build) -> Result<Step> {
        let retried = build.fold_retried(&mut self.session(SessionKind::Short).await?).await?;
        if retried > 0 {
            tracing::info!(
                rebuild = self.row.rebuild,
                %build,
                orders = retried,
                "folded retried orders again"
            );
        }
        let mut lanes = self.lanes(build);
        self.come_close(&mut lanes).await?;
        drop(lanes);
        self.advance(&self.session(SessionKind::Short).await?, State::CatchingUp, State::Verifying).await
    }

    pub(crate) fn lanes(&self, build: Build) -> Lanes {
        Lanes::new(&self.settings, &self.owner(), build, false, &self.meter)
    }

    /// Applies up to the log's end, again and again, until a round was short. A producer
    /// that is faster than this ends it as well, after a number of rounds.
    pub(crate) async fn come_close(&self, lanes: &mut Lanes) -> Result<()> {
        for _ in 0..20 {
            let begun = Instant::now();
            let targets = ends(&log::ends(&self.settings.kafka).await?);
            lanes.apply_to(&targets).await?;
            if begun.elapsed() < CLOSE {
                break;
            }
        }
        Ok(())
    }
}

fn ends(ends: &Ends) -> BTreeMap<Partition, Position> {
    ends.iter().map(|(partition, marks)| (*partition, marks.end)).collect()
}
