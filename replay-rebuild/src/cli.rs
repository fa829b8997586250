//! Runs what the flags ask for, and turns its outcome into an exit code.

use std::time::Duration;

use rebuild::{FailureCause, Outcome, Request, Settings, State, Stop};
use retry::retry_within;
use service::{Exit, Failure, Shell};
use tokio_util::sync::CancellationToken;
use views::StartLimit;

use crate::display::Display;
use crate::printer::Printer;
use crate::report;
use crate::settings::Args;

/// How long one step of a command waits for a database that starts, restarts or has no free connection.
const DATABASE_LIMIT: Duration = Duration::from_secs(30);

pub async fn run(args: Args, shell: Shell) -> Result<(), Failure> {
    let (settings, request) = args.validate()?;
    let printer = Printer { json: args.json };
    let migrate = async { patiently(async || Ok(views::migrate::migrate(&settings.database).await?)).await };
    let migrated = unless_stopped(&shell, "nothing was begun", async { migrate.await.map_err(not_migrated) });
    // Boxed because the futures are large.
    Box::pin(migrated).await?;
    if args.cancel {
        let what = "the process that drives the rebuild may still cancel it";
        Box::pin(unless_stopped(&shell, what, cancel(&settings, &request, printer))).await
    } else if args.dry_run {
        Box::pin(unless_stopped(&shell, "the plan was not made", dry_run(&settings, &request, printer))).await
    } else {
        Box::pin(rebuild(&settings, &request, printer, &shell)).await
    }
}

/// Does what may stop at any point. `what` says what became of it if a signal comes first.
async fn unless_stopped<T>(
    shell: &Shell,
    what: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    shell.stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(shell.interrupted(what)))
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

async fn cancel(settings: &Settings, request: &Request, printer: Printer) -> Result<(), Failure> {
    let cancelled = patiently(async || rebuild::cancel_unfinished(settings, &request.view).await).await?;
    match &cancelled {
        Some(rebuild) => {
            printer.say(&format!("cancelled rebuild {} and dropped its tables", rebuild.id));
        }
        None => printer.say("there is no unfinished rebuild to cancel"),
    }
    printer.result(&cancelled)
}

async fn dry_run(settings: &Settings, request: &Request, printer: Printer) -> Result<(), Failure> {
    let dry_run = patiently(async || rebuild::dry_run(settings, request).await).await?;
    printer.say(&report::plan(&dry_run.plan));
    printer.result(&dry_run)?;
    match dry_run.refused {
        None => Ok(()),
        Some(cause) => Err(Failure::new(exit_code(cause), dry_run.reason.unwrap_or_default())),
    }
}

async fn rebuild(
    settings: &Settings,
    request: &Request,
    printer: Printer,
    shell: &Shell,
) -> Result<(), Failure> {
    let start = async {
        // If an attempt recorded a rebuild before it failed, the next one continues it.
        Ok(patiently(async || rebuild::start(settings, request).await).await?)
    };
    let job = unless_stopped(shell, "the live tables are as they were", start).await?;
    let id = job.id();
    match job.resumed() {
        Some(state) => printer.say(&format!("continuing rebuild {id}, which was left in state {state}")),
        None => printer.say(&format!("starting rebuild {id} of view {}", request.view)),
    }
    let display = Display::start(settings.database.clone(), id, job.progress(), printer);
    let stop = Stop { cancel: shell.stop.clone(), pause: CancellationToken::new() };
    let outcome = job.run(stop).await;
    display.finish().await;
    let outcome = outcome?;
    if let Some(row) = patiently(async || rebuild::get(&settings.database, id).await).await? {
        printer.say(&report::summary(&row));
        printer.result(&row)?;
    }
    match outcome {
        Outcome::Active { .. } => Ok(()),
        Outcome::Ready { build } => {
            printer.say(&format!(
                "build {build} is verified and ready; run `replay-rebuild` to catch it up, verify it again and switch to \
                 it, or `replay-rebuild --cancel` to drop it"
            ));
            Ok(())
        }
        Outcome::Cancelled { .. } if shell.stop.is_cancelled() => {
            let what = format!("rebuild {id} is {}, and the live tables are as they were", State::Cancelled);
            Err(shell.interrupted(&what))
        }
        Outcome::Cancelled { reason } => {
            Err(Failure::new(Exit::Cancelled, format!("rebuild {id} was {reason}")))
        }
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
