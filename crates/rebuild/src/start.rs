//! Starting a rebuild, or continuing one that no process drives.

use std::sync::Arc;

use views::rebuild::{self as rows, NewRebuild, RebuildRow, RowOwner, RunnerLock, State, SwitchMode};
use views::{PROJECTION_VERSION, Session};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::json::from_json;
use crate::meter::Meter;
use crate::ownership::{build_version, check_view, open_session, owner_name, take_lock, take_over};
use crate::progress::Progress;
use crate::settings::{Request, Settings};

/// Records a new rebuild, or takes over the one that no process drives. Fails with
/// [`crate::Error::AlreadyRunning`] while another process drives one of the same view.
pub async fn start(settings: &Settings, request: &Request) -> Result<Job> {
    check_view(&request.view)?;
    let lock = take_lock(settings, &request.view).await?;
    let session = open_session(settings).await?;
    let name = owner_name(settings);
    if let Some(row) = rows::running(&session, &request.view).await? {
        if row.cancel_requested_by.is_none() {
            refuse_other_parts(&session, request, &row).await?;
        }
        let owner = RowOwner { rebuild: row.id, name: name.clone() };
        owner.adopt(&session, request.switch, request.keep_history.as_deref(), request.parts).await?;
        if take_over(settings, &session, &owner, &row).await? {
            let settings = settings_of_build(settings, &session, &row).await?;
            return Ok(resumed_job(settings, owner, lock, row));
        }
    }
    let keep_history = request.keep_history.as_deref();
    let parts = request.parts;
    let new = NewRebuild { view: &request.view, switch: request.switch, keep_history, parts, runner: &name };
    let rebuild = rows::insert(&session, &new).await?;
    let (meter, progress) = Meter::new(State::Planned, Vec::new());
    let context = Context {
        settings: settings.clone(),
        view: request.view.clone(),
        owner: RowOwner { rebuild, name },
        meter: Arc::new(meter),
    };
    Ok(Job::new(context, lock, None, progress))
}

/// [`Error::OtherParts`] if `row` is to be continued with another number of parts than its build has.
async fn refuse_other_parts(session: &Session, request: &Request, row: &RebuildRow) -> Result<()> {
    let (Some(asked), Some(build)) = (request.parts, row.build) else { return Ok(()) };
    // A build of another version is dropped, and a new rebuild begun.
    if build_version(session, row).await? != PROJECTION_VERSION {
        return Ok(());
    }
    let made = build.parts(session).await?;
    if made == asked {
        return Ok(());
    }
    Err(Error::OtherParts { id: row.id, made: made.count() })
}

/// Takes over the rebuild that no process drives, if this program can continue it unasked:
/// its build is of this projection version, and it does not wait for a person.
pub async fn resume(settings: &Settings, view: &str) -> Result<Option<Job>> {
    check_view(view)?;
    let session = open_session(settings).await?;
    if resumable(&session, view).await?.is_none() {
        return Ok(None);
    }
    let Some(lock) = RunnerLock::take(&settings.database, view).await? else { return Ok(None) };
    // Read again under the lock: its owner may have ended it a moment ago.
    let Some(row) = resumable(&session, view).await? else { return Ok(None) };
    let owner = RowOwner { rebuild: row.id, name: owner_name(settings) };
    owner.adopt(&session, row.switch, None, None).await?;
    if !take_over(settings, &session, &owner, &row).await? {
        return Ok(None);
    }
    let settings = settings_of_build(settings, &session, &row).await?;
    Ok(Some(resumed_job(settings, owner, lock, row)))
}

/// The unfinished rebuild that [`resume`] may continue or cancel, whether or not a process drives it.
async fn resumable(session: &Session, view: &str) -> Result<Option<RebuildRow>> {
    let Some(row) = rows::running(session, view).await? else { return Ok(None) };
    if row.cancel_requested_by.is_some() {
        return Ok(Some(row));
    }
    let waits_for_a_person = row.state == State::Ready && row.switch == SwitchMode::Manual;
    let is_ours = build_version(session, &row).await? == PROJECTION_VERSION;
    Ok((is_ours && !waits_for_a_person).then_some(row))
}

/// The settings with the size limit of the build that another process has begun.
async fn settings_of_build(settings: &Settings, session: &Session, row: &RebuildRow) -> Result<Settings> {
    let mut settings = settings.clone();
    if let Some(build) = row.build {
        let own = settings.codec.max_record_bytes;
        settings.codec.max_record_bytes = build.max_record_bytes(session, own).await?;
    }
    Ok(settings)
}

fn resumed_job(settings: Settings, owner: RowOwner, lock: RunnerLock, row: RebuildRow) -> Job {
    tracing::info!(rebuild = owner.rebuild, state = %row.state, "continuing a rebuild that no process drove");
    let earlier: Option<Progress> = from_json(row.progress);
    let phases = earlier.map(|progress| progress.phases).unwrap_or_default();
    let (meter, progress) = Meter::new(row.state, phases);
    let context = Context { settings, view: row.view, owner, meter: Arc::new(meter) };
    Job::new(context, lock, Some(row.state), progress)
}
