//! Runs what the flags ask for, and turns its outcome into an exit code.

use std::time::Duration;

use rebuild::{FailureCause, Outcome, Request, Settings, Stop};
use retry::retry_within;
use service::{Exit, Failure, Shell};
use tokio_util::sync::CancellationToken;
use views::StartLimit;

use crate::display::Display;
use crate::report::{self, say};
use crate::settings::Args;

/// How long one step of a command waits for a database that starts, restarts or has no free connection.
const DATABASE_LIMIT: Duration = Duration::from_secs(30);

pub async fn run(args: Args, shell: Shell) -> Result<(), Failure> {
    let (settings, request) = args.validate()?;
    let work = async {
        let migrate = async || Ok(views::migrate::migrate(&settings.database).await?);
        patiently(migrate).await.map_err(not_migrated)?;
        if args.cancel {
            cancel(&settings, &request).await
        } else if args.dry_run {
            dry_run(&settings, &request).await
        } else {
            rebuild(&settings, &request, &shell.stop).await
        }
    };
    // Boxed because the future is large.
    Box::pin(work).await
}

/// Repeats a step that may be repeated, while the database is to blame and may come back.
async fn patiently<T, F: Future<Output = Result<T, rebuild::Error>>>(step: impl FnMut() -> F) -> F::Output {
    let limit = StartLimit::default();
    let is_passing =
        |error: &rebuild::Error| matches!(error, rebuild::Error::Views(error) if limit.is_passing(error));
    retry_within("PostgreSQL", DATABASE_LIMIT, is_passing, step).await
}

fn not_migrated(error: rebuild::Error) -> Failure {
    let is_about_the_url = matches!(&error, rebuild::Error::Views(error) if error.is_about_the_url());
    let exit = if is_about_the_url { Exit::Usage } else { Exit::Unexpected };
    Failure::with(exit)(error)
}

async fn cancel(settings: &Settings, request: &Request) -> Result<(), Failure> {
    match patiently(async || rebuild::cancel_left_behind(settings, &request.view).await).await? {
        Some(id) => say(&format!("cancelled rebuild {id} and dropped its tables")),
        None => say("there is no unfinished rebuild to cancel"),
    }
    Ok(())
}

async fn dry_run(settings: &Settings, request: &Request) -> Result<(), Failure> {
    let dry_run = patiently(async || rebuild::dry_run(settings, request).await).await?;
    if let Some(plan) = &dry_run.rebuild.plan {
        say(&report::plan(plan));
    }
    match dry_run.refused {
        None => Ok(()),
        Some(cause) => Err(Failure::new(exit_code(cause), dry_run.rebuild.reason.unwrap_or_default())),
    }
}

async fn rebuild(settings: &Settings, request: &Request, cancel: &CancellationToken) -> Result<(), Failure> {
    // If an attempt recorded a rebuild before it failed, the next one continues it.
    let job = patiently(async || rebuild::start(settings, request).await).await?;
    let id = job.id();
    match job.resumed() {
        Some(state) => say(&format!("continuing rebuild {id}, which was left in state {state}")),
        None => say(&format!("starting rebuild {id} of view {}", request.view)),
    }
    let display = Display::start(settings.database.clone(), id, job.progress());
    let stop = Stop { cancel: cancel.clone(), pause: CancellationToken::new() };
    let outcome = job.run(stop).await;
    display.finish().await;
    let outcome = outcome?;
    let row = patiently(async || rebuild::get(&settings.database, id).await).await?;
    if let Some(row) = &row {
        say(&report::summary(row));
    }
    match outcome {
        Outcome::Active { .. } => Ok(()),
        Outcome::Ready { build } => {
            say(&format!(
                "build {build} is verified and ready; run `replay-rebuild` to catch it up, verify it again and switch to \
                 it, or `replay-rebuild --cancel` to drop it"
            ));
            Ok(())
        }
        Outcome::Cancelled { .. } if cancel.is_cancelled() => Ok(()),
        Outcome::Cancelled { reason } => Err(Failure::new(Exit::Unexpected, reason)),
        Outcome::Failed { cause, reason } => Err(Failure::new(exit_code(cause), reason)),
        Outcome::Paused => Err(Failure::new(
            Exit::Unexpected,
            "the rebuild was interrupted; run replay-rebuild again to continue it",
        )),
    }
}

fn exit_code(cause: FailureCause) -> Exit {
    match cause {
        FailureCause::Log => Exit::LogIdentity,
        FailureCause::Difference => Exit::Difference,
        FailureCause::Request => Exit::Usage,
        FailureCause::DiskSpace | FailureCause::Unexpected => Exit::Unexpected,
    }
}
