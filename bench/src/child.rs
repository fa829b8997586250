//! A program that is measured: started, watched until it has ended.

use std::process::Stdio;
use std::time::{Duration, Instant};

use service::{Exit, Failure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::cpu;

/// How often its memory is looked at: the peak of what lies between is kept by the kernel.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

pub struct Running {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    started: Instant,
    cpu_before: Option<f64>,
}

/// What is known of it in the end.
pub struct Ended {
    pub wall: Duration,
    pub cpu_seconds: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    /// What it printed, each with the time since its start.
    pub lines: Vec<(Duration, String)>,
}

/// Starts it. It ends with this process.
pub fn start(name: &str, mut command: Command) -> Result<Running, Failure> {
    let program = command.as_std().get_program().to_owned();
    let cpu_before = cpu::of_ended_children();
    let started = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().map_err(|error| {
            Failure::new(Exit::Usage, format!("{} cannot be started: {error}", program.display()))
        })?;
    let stdout = child.stdout.take().ok_or_else(|| Failure::new(Exit::Unexpected, "no pipe"))?;
    let lines = BufReader::new(stdout).lines();
    Ok(Running { name: name.to_owned(), child, lines, started, cpu_before })
}

impl Running {
    /// Waits for it; fails unless it ends with 0.
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
                    // After its end there is nothing to be read: the last one counts.
                    ended.peak_memory_bytes = pid.and_then(cpu::peak_memory).or(ended.peak_memory_bytes);
                }
            }
        };
        ended.wall = self.started.elapsed();
        // Of children that are measured one after the other the difference is this one.
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
