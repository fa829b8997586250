//! Prints the progress: as a bar on a terminal, elsewhere as a line every 10 s.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use rebuild::{Phase, Progress, State};
use views::Database;

use crate::report::{self, say};

const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Screen {
    /// `None` if standard error is not a terminal.
    bar: Option<ProgressBar>,
    /// Where the plan is read from when it is made.
    database: Database,
    id: i64,
    printed_plan: bool,
    /// The number of phases that were printed.
    printed_phases: usize,
    last_line: Instant,
}

impl Screen {
    /// Phases that are over by now, in an earlier process, are not printed.
    pub fn new(database: Database, id: i64, progress: &Progress) -> Self {
        Self {
            bar: std::io::stderr().is_terminal().then(bar),
            database,
            id,
            printed_plan: false,
            printed_phases: progress.phases.len(),
            last_line: Instant::now(),
        }
    }

    pub fn has_bar(&self) -> bool {
        self.bar.is_some()
    }

    pub fn finish(&mut self, progress: &Progress) {
        self.print_phases(&progress.phases);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub async fn update(&mut self, progress: &Progress) {
        if !self.printed_plan && progress.state != Some(State::Planned) {
            self.printed_plan = true;
            match rebuild::get(&self.database, self.id).await {
                Ok(row) => {
                    if let Some(plan) = row.and_then(|row| row.plan) {
                        self.print(&report::plan(&plan));
                    }
                }
                // The rebuild goes on without it.
                Err(error) => tracing::debug!(%error, "the plan could not be read and is not printed"),
            }
        }
        self.print_phases(&progress.phases);
        let message = describe(progress);
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(progress.state.map_or("", State::as_str));
                bar.set_length(progress.events_total.max(1));
                bar.set_position(progress.events.min(progress.events_total));
                bar.set_message(message);
            }
            None if self.last_line.elapsed() > LINE_EVERY => {
                self.last_line = Instant::now();
                let state = progress.state.map_or("", State::as_str);
                let percent = progress.events * 100 / progress.events_total.max(1);
                say(&format!("{state:>12} {percent:>3}%  {message}"));
            }
            None => {}
        }
    }

    fn print_phases(&mut self, phases: &[Phase]) {
        for phase in phases.get(self.printed_phases..).unwrap_or_default() {
            // Planning, and waiting in ready, process no events.
            if phase.events > 0 || phase.seconds >= 1.0 {
                self.print(&report::phase(phase));
            }
        }
        self.printed_phases = phases.len();
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // A mistake in this template must not stop a rebuild; the default style would do.
    let style = "{prefix:>12} {bar:30} {percent:>3}%  {msg}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn describe(progress: &Progress) -> String {
    if let Some(what) = &progress.waits_for {
        return format!("waiting for {what}");
    }
    let rate = HumanCount(progress.events_per_second as u64);
    match progress.eta_seconds {
        Some(seconds) => {
            let left = HumanDuration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
            format!("{} events, {rate}/s, {left} left", HumanCount(progress.events))
        }
        None => format!("{} events", HumanCount(progress.events)),
    }
}
