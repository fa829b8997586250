//! `exec` runs a command with fresh servers of its own.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::args::Exec;
use super::events::{Event, Events};
use crate::downloads::{Downloads, kafka_version};
use crate::error::{Attempt, Result, UsageError};
use crate::kafka::{KafkaCluster, KafkaOptions};
use crate::kafka_mode::MODE_VARIABLE;
use crate::postgres::{Postgres, PostgresOptions};
use crate::process::Process;
use crate::scratch::Scratch;
use crate::spawn::{Launch, spawn};
use crate::start_both::start_both;
use crate::test_servers::{DATABASE_VARIABLE, KAFKA_VARIABLE};

pub fn exec(arguments: &Exec) -> Result<ExitCode> {
    let downloads = Downloads::ensure_for(arguments.kafka)?;
    let events = Events::listen()?;
    let scratch = Scratch::new()?;
    let kafka = KafkaOptions {
        mode: arguments.kafka,
        heap_mib: arguments.kafka_heap_mib,
        settings: arguments.extra.kafka_setting.clone(),
        ..KafkaOptions::new(scratch.path().join("kafka"))
    };
    let mut postgres = PostgresOptions::new(scratch.path().join("postgres"));
    if arguments.no_fsync {
        postgres = postgres.for_tests();
    }
    postgres.settings.extend(arguments.extra.postgres_setting.clone());
    let (mut kafka, mut postgres) = start_both(&downloads, &kafka, 1, &postgres, |_| {})?;
    output::note!(
        "Servers for this command: Kafka {} on {}, PostgreSQL {} on port {}, data in {}",
        kafka_version(arguments.kafka),
        kafka.bootstrap_servers(),
        postgres.version(),
        postgres.port(),
        scratch.path().display()
    );
    let status = run_command(arguments, &events, &mut kafka, &mut postgres)?;
    // Their data is deleted, so they need no orderly shutdown.
    kafka.kill()?;
    postgres.kill()?;
    Ok(exit_code(status))
}

fn run_command(
    arguments: &Exec,
    events: &Events,
    kafka: &mut KafkaCluster,
    postgres: &mut Postgres,
) -> Result<ExitStatus> {
    let [program, rest @ ..] = arguments.command.as_slice() else {
        return Err(UsageError::NoCommand.into());
    };
    let mut command = Command::new(program);
    command
        .args(rest)
        .env(KAFKA_VARIABLE, kafka.bootstrap_servers())
        .env(MODE_VARIABLE, arguments.kafka.name())
        .env(DATABASE_VARIABLE, postgres.url())
        .env("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers())
        .env("DATABASE_URL", postgres.url());
    let attempt = format!("running {}", program.to_string_lossy());
    // The command stays in this process group, so that it can use the terminal and receives its Ctrl-C.
    let child = spawn(Launch { command, death_signal: Signal::SIGTERM, lock: None, own_group: false })
        .attempt(attempt.as_str())?;
    let mut child = Process::new(child);
    let mut failure_reported = false;
    loop {
        if let Some(status) = child.wait_for(Duration::from_millis(100)).attempt(attempt.as_str())? {
            return Ok(status);
        }
        // The command has received Ctrl-C as well, but the other signals only this process.
        if events.wait(Duration::ZERO) == Some(Event::Terminate) {
            child.signal(Signal::SIGTERM);
        }
        if !failure_reported
            && let Some(failure) = kafka.failures().into_iter().next().or_else(|| postgres.failure())
        {
            output::note!("error: {failure}");
            failure_reported = true;
        }
    }
}

/// The command's own exit code, or, as in a shell, 128 plus the number of the signal that ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
