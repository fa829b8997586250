//! The owner of a rebuild's row: the process that drives it. The row changes only through here.

use orders::LogIdentity;
use scoped_futures::ScopedFutureExt;
use serde_json::Value;
use tokio_postgres::Client;

use super::interrupt::interrupt;
use super::row::SwitchMode;
use super::state::State;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::{Build, Parts, builds, log_identity};

/// A process that drives a rebuild. A change of the row by any other process is refused with
/// [`Error::NotTheOwner`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOwner {
    pub rebuild: i64,
    /// Names the process. No other run of a rebuild ever has the same name.
    pub name: String,
}

/// How a rebuild ends without being switched in.
#[derive(Clone, Debug)]
pub struct Ending<'a> {
    pub state: State,
    pub reason: &'a str,
    pub plan: Option<&'a Value>,
    pub differences: Option<&'a Value>,
}

impl RowOwner {
    /// Takes over an unfinished rebuild that no process drives. A reason to keep history that is given
    /// now holds from now on, and so does a number of parts, unless the build was made already; those that were given
    /// before stay otherwise.
    pub async fn adopt(
        &self,
        session: &Session,
        switch: SwitchMode,
        keep_history: Option<&str>,
        parts: Option<Parts>,
    ) -> Result<()> {
        let adopted = session
            .client
            .execute(
                "/* views::rebuild::row_owner::adopt */ UPDATE public.rebuilds
                 SET runner = $2, switch = $3, keep_history = COALESCE($4, keep_history),
                     parts = CASE WHEN build IS NULL THEN COALESCE($5, parts) ELSE parts END, updated_at = now()
                 WHERE id = $1",
                &[&self.rebuild, &self.name, &switch.as_str(), &keep_history, &parts.map(Parts::count)],
            )
            .await
            .map_err(Error::during("taking over a rebuild"))?;
        is_owned(adopted, "taking over a rebuild")
    }

    /// Moves the rebuild from one state to the next.
    pub async fn advance(&self, session: &Session, from: State, to: State) -> Result<()> {
        self.advance_in(&session.client, from, to).await
    }

    /// Refused as well once somebody has asked to cancel it: what is cancelled is not switched in.
    pub(super) async fn advance_in(&self, client: &Client, from: State, to: State) -> Result<()> {
        let moved = client
            .execute(
                "/* views::rebuild::row_owner::advance */ UPDATE public.rebuilds SET state = $4, updated_at = now()
                 WHERE id = $1 AND runner = $2 AND state = $3 AND cancel_requested_by IS NULL",
                &[&self.rebuild, &self.name, &from.as_str(), &to.as_str()],
            )
            .await
            .map_err(Error::during("moving a rebuild on"))?;
        is_owned(moved, "moving a rebuild on")
    }

    /// Keeps others from driving the rebuild until the transaction ends, if it is still ours and in this state.
    pub(super) async fn lock_in(&self, client: &Client, state: State) -> Result<()> {
        let locked = client
            .execute(
                "/* views::rebuild::row_owner::lock_in */ SELECT FROM public.rebuilds
                 WHERE id = $1 AND runner = $2 AND state = $3 FOR UPDATE",
                &[&self.rebuild, &self.name, &state.as_str()],
            )
            .await
            .map_err(Error::during("locking a rebuild"))?;
        is_owned(locked, "locking a rebuild")
    }

    /// Makes the build that was planned: its tables, the log and the size limit that it is made with, and the
    /// plan; and moves the rebuild on to loading.
    pub async fn create_build(
        &self,
        session: &mut Session,
        log: &LogIdentity,
        max_record_bytes: usize,
        parts: Parts,
        plan: &Value,
    ) -> Result<Build> {
        session
            .run_tx("making a new build", |tx| {
                async move {
                    let build = builds::create(tx, Some(max_record_bytes), parts).await?;
                    log_identity::record(tx.client(), build, log).await?;
                    self.save_plan(tx.client(), build, plan).await?;
                    self.advance_in(tx.client(), State::Planned, State::Loading).await?;
                    Ok(build)
                }
                .scope_boxed()
            })
            .await
    }

    async fn save_plan(&self, client: &Client, build: Build, plan: &Value) -> Result<()> {
        let saved = client
            .execute(
                "/* views::rebuild::row_owner::save_plan */ UPDATE public.rebuilds SET build = $3, plan = $4, updated_at = now()
                 WHERE id = $1 AND runner = $2",
                &[&self.rebuild, &self.name, &build.0, plan],
            )
            .await
            .map_err(Error::during("recording a plan"))?;
        is_owned(saved, "recording a plan")
    }

    /// Records up to where the build is verified.
    pub async fn save_verified(&self, session: &Session, verified: &Value) -> Result<()> {
        let saved = session
            .client
            .execute(
                "/* views::rebuild::row_owner::save_verified */ UPDATE public.rebuilds SET verified = $3, updated_at = now()
                 WHERE id = $1 AND runner = $2",
                &[&self.rebuild, &self.name, verified],
            )
            .await
            .map_err(Error::during("recording how far a build is verified"))?;
        is_owned(saved, "recording how far a build is verified")
    }

    /// Refused once another process has ended the rebuild or drives it. Returns in which program somebody has asked to
    /// cancel it, if anybody has.
    pub async fn save_progress(&self, session: &Session, progress: &Value) -> Result<Option<String>> {
        let attempt = "recording the progress of a rebuild";
        let saved = session
            .client
            .query_opt(
                "/* views::rebuild::row_owner::save_progress */ UPDATE public.rebuilds SET progress = $3, updated_at = now()
                 WHERE id = $1 AND runner = $2 AND state NOT IN ('cancelled', 'failed')
                 RETURNING cancel_requested_by",
                &[&self.rebuild, &self.name, progress],
            )
            .await
            .map_err(Error::during(attempt))?;
        Ok(saved.ok_or(Error::NotTheOwner { attempt })?.get(0))
    }

    /// Ends a rebuild that is not to be switched in, and drops its build unless `keep_build`.
    /// Returns false, and does nothing, if it has ended before: perhaps it is active.
    pub async fn abandon(
        &self,
        session: &mut Session,
        ending: &Ending<'_>,
        build: Option<Build>,
        keep_build: bool,
    ) -> Result<bool> {
        session
            .run_tx("ending a rebuild", |tx| {
                async move {
                    // The owner's own sessions may take a moment to roll back what they had in flight.
                    tx.batch_execute(
                        "/* views::rebuild::row_owner::abandon */ SET LOCAL lock_timeout = '5s'",
                    )
                    .await
                    .map_err(Error::during("ending a rebuild"))?;
                    if !self.end(tx.client(), ending).await? {
                        return Ok(false);
                    }
                    if let Some(build) = build.filter(|_| !keep_build) {
                        interrupt(tx.client(), build).await?;
                        builds::discard(tx, build).await?;
                    }
                    Ok(true)
                }
                .scope_boxed()
            })
            .await
    }

    /// Ends an unfinished rebuild; false if it had ended before.
    async fn end(&self, client: &Client, ending: &Ending<'_>) -> Result<bool> {
        let ended = client
            .execute(
                "/* views::rebuild::row_owner::end */ UPDATE public.rebuilds SET state = $3, reason = $4, plan = COALESCE($5, plan),
                     differences = $6, updated_at = now(), finished_at = now()
                 WHERE id = $1 AND runner = $2
                     AND state NOT IN ('active', 'cancelled', 'failed', 'superseded', 'rolled_back')",
                &[
                    &self.rebuild,
                    &self.name,
                    &ending.state.as_str(),
                    &ending.reason,
                    &ending.plan,
                    &ending.differences,
                ],
            )
            .await
            .map_err(Error::during("ending a rebuild"))?;
        Ok(ended == 1)
    }
}

fn is_owned(rows: u64, attempt: &'static str) -> Result<()> {
    if rows == 1 {
        return Ok(());
    }
    Err(Error::NotTheOwner { attempt })
}
