//! A measured program: starts it, watches it, and waits until it has ended.

use std::process::Stdio;
use std::time::{Duration, Instant};

use service::{Exit, Failure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::cpu;

/// How often the program's memory is read. The kernel keeps the peak, so only the last reading matters.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// A running program. Dropping this ends it.
pub struct Running {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    started: Instant,
    cpu_before: Option<f64>,
}

/// What was measured of a program that has ended.
pub struct Ended {
    pub wall: Duration,
    pub cpu_seconds: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    /// The lines that it printed, each with the time since its start.
    pub lines: Vec<(Duration, String)>,
}

/// Starts a program.
pub fn start(name: &str, mut command: Command) -> Result<Running, Failure> {
    let program = command.as_std().get_program().to_owned();
    let cpu_before = cpu::of_ended_children();
    let started = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().map_err(|error| {
            Failure::new(Exit::Usage, format!("could not start {}: {error}", program.display()))
        })?;
    let stdout = child.stdout.take().ok_or_else(|| {
        Failure::new(Exit::Unexpected, "the program was started without a pipe for its output")
    })?;
    let lines = BufReader::new(stdout).lines();
    Ok(Running { name: name.to_owned(), child, lines, started, cpu_before })
}

impl Running {
    /// Waits until the program has ended, and fails unless its exit code is 0.
    pub async fn ended(mut self) -> Result<Ended, Failure> {
        let mut ended =
            Ended { wall: Duration::ZERO, cpu_seconds: None, peak_memory_bytes: None, lines: Vec::new() };
        let pid = self.child.id();
        let mut tick = tokio::time::interval(MEMORY_INTERVAL);
        let mut reads = true;
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status?,
                line = self.lines.next_line(), if reads => match line? {
                    Some(line) => ended.lines.push((self.started.elapsed(), line)),
                    None => reads = false,
                },
                _ = tick.tick() => {
                    // A program that has ended has no memory to read, so the last reading counts.
                    ended.peak_memory_bytes = pid.and_then(cpu::peak_memory).or(ended.peak_memory_bytes);
                }
            }
        };
        ended.wall = self.started.elapsed();
        // The difference is that of this program, if no other child has ended meanwhile.
        ended.cpu_seconds =
            cpu::of_ended_children().zip(self.cpu_before).map(|(after, before)| after - before);
        while let Some(line) = self.lines.next_line().await? {
            ended.lines.push((ended.wall, line));
        }
        if status.success() {
            Ok(ended)
        } else {
            Err(Failure::new(Exit::Unexpected, format!("{} ended with {status}", self.name)))
        }
    }
}
