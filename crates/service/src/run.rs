//! From `main()` to the exit code.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Failure};
use crate::metrics::Metrics;
use crate::settings::ShellArgs;
use crate::signals::{Signals, StopSignal};
use crate::{Health, logging};

/// What the shell gives to the program that it runs.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Cancelled by the first SIGINT or SIGTERM: finish what is in flight, then return.
    pub stop: CancellationToken,
    /// Which signal that was.
    pub stop_signal: Arc<OnceLock<StopSignal>>,
    pub health: Health,
    pub metrics: Metrics,
    /// How long finishing may take before the process is ended.
    pub shutdown_timeout: Duration,
}

impl Shell {
    /// For a program that was to do something and then end, and was asked to stop before that: scripts must not take this
    /// for success. `what` says what became of the work.
    pub fn interrupted(&self, what: &str) -> Failure {
        let signal = self.stop_signal.get().copied().unwrap_or(StopSignal::Terminate);
        Failure::new(signal.exit(), format!("stopped by {}: {what}", signal.name()))
    }
}

/// Parses the flags, sets up logs, metrics and signals, runs `main`, and turns its result into one line and an
/// exit code. `shell_args` returns the shell's part of the program's flags.
pub fn run<A: Parser>(
    shell_args: impl FnOnce(&A) -> &ShellArgs,
    main: impl AsyncFnOnce(A, Shell) -> Result<(), Failure>,
) -> ExitCode {
    let args = A::parse();
    let shell_args = shell_args(&args).clone();
    if let Some(text) = shell_args.describe.text(A::command()) {
        return print(text);
    }
    match start(shell_args).and_then(|(runtime, shell)| {
        let result = runtime.block_on(main(args, shell));
        // Threads that still block, in a Kafka client or a name look-up, must not delay the exit.
        runtime.shutdown_background();
        result
    }) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            report(&failure);
            failure.exit.into()
        }
    }
}

fn print(text: std::io::Result<Vec<u8>>) -> ExitCode {
    let printed = text.and_then(|text| output::data(String::from_utf8_lossy(&text).trim_end()));
    match printed {
        Ok(_) => Exit::Done.into(),
        Err(error) => {
            output::note!("error: {error}");
            Exit::Unexpected.into()
        }
    }
}

fn start(args: ShellArgs) -> Result<(Runtime, Shell), Failure> {
    let settings = args.validate()?;
    logging::init(&settings.log)?;
    end_on_panic();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let shell = Shell {
        stop: CancellationToken::new(),
        stop_signal: Arc::default(),
        health: Health::default(),
        metrics: Metrics::install()?,
        shutdown_timeout: settings.shutdown_timeout,
    };
    let signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    runtime.spawn(watch(signals, shell.clone()));
    let metrics = shell.metrics.clone();
    runtime.spawn(async move { metrics.keep_up().await });
    Ok((runtime, shell))
}

/// The first signal asks the program to stop. A second one after more than a second, or a program that takes
/// too long, ends the process.
async fn watch(mut signals: Signals, shell: Shell) {
    let timeout = shell.shutdown_timeout;
    let signal = signals.next().await;
    let first = Instant::now();
    tracing::info!(
        signal = signal.name(),
        timeout_s = timeout.as_secs(),
        "stopping; another signal, a second from now or later, ends the process at once"
    );
    // It was empty until now.
    let _ = shell.stop_signal.set(signal);
    shell.stop.cancel();
    // A little longer than the program may take, so that a program that stops in time is not cut off.
    let grace = timeout + Duration::from_secs(1);
    match tokio::time::timeout(grace, signals.next_after(first)).await {
        Ok(signal) => tracing::warn!(signal = signal.name(), "the process is ended by a second signal"),
        Err(_) => tracing::error!(
            timeout_s = timeout.as_secs(),
            "the process is ended: it did not stop within SHUTDOWN_TIMEOUT_SECONDS"
        ),
    }
    std::process::exit(Exit::Unexpected as i32);
}

/// A panic in any task or thread is a bug, after which a part of the process is missing. The process ends with
/// an error instead of continuing without that part.
fn end_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, "the process is ended by a panic: {message}");
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            print(panic);
        }
        std::process::exit(Exit::Unexpected as i32);
    }));
}

/// An unusable setting concerns the person who started the program, so it is printed like clap's errors.
fn report(failure: &Failure) {
    if failure.exit == Exit::Usage || !tracing::dispatcher::has_been_set() {
        output::note!("error: {failure}");
    } else if matches!(failure.exit, Exit::Interrupted | Exit::Terminated) {
        tracing::warn!(exit_code = failure.exit as u8, "{failure}");
    } else {
        tracing::error!(exit_code = failure.exit as u8, "{failure}");
    }
}
