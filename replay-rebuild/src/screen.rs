//! Prints the progress: as a bar on a terminal, elsewhere as a line every 10 s.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use rebuild::{Phase, Progress, State};
use views::Database;

use crate::bar::Bar;
use crate::printer::Printer;
use crate::report;

const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Screen {
    printer: Printer,
    /// `None` if standard error is not a terminal.
    bar: Option<Bar>,
    /// Where the plan is read from when it is made.
    database: Database,
    id: i64,
    printed_plan: bool,
    /// The number of phases that were printed.
    printed_phases: usize,
    last_line: Instant,
    /// The phase that is shown, and since when.
    phase: (Option<State>, Instant),
}

impl Screen {
    /// Phases that are over by now, in an earlier process, are not printed.
    pub fn new(database: Database, id: i64, progress: &Progress, printer: Printer) -> Self {
        Self {
            printer,
            bar: std::io::stderr().is_terminal().then(Bar::new),
            database,
            id,
            printed_plan: false,
            printed_phases: progress.phases.len(),
            last_line: Instant::now(),
            phase: (progress.state, Instant::now()),
        }
    }

    /// Removes the bar.
    pub fn finish(mut self, progress: &Progress) {
        self.print_phases(&progress.phases);
        if let Some(bar) = self.bar {
            bar.remove();
        }
    }

    pub async fn update(&mut self, progress: &Progress) {
        if !self.printed_plan && progress.state != Some(State::Planned) {
            self.printed_plan = true;
            match rebuild::get(&self.database, self.id).await {
                Ok(row) => {
                    if let Some(plan) = row.and_then(|row| row.plan) {
                        self.printer.say(&report::plan(&plan));
                    }
                }
                // The rebuild goes on without it.
                Err(error) => tracing::debug!(%error, "the plan could not be read and is not printed"),
            }
        }
        self.print_phases(&progress.phases);
        if self.phase.0 != progress.state {
            self.phase = (progress.state, Instant::now());
        }
        let text = report::progress(progress, self.phase.1.elapsed());
        match &mut self.bar {
            Some(bar) => bar.show(progress, text),
            None if self.last_line.elapsed() > LINE_EVERY => {
                self.last_line = Instant::now();
                let state = progress.state.map_or("", State::as_str);
                let percent = match progress.events_total {
                    0 => String::new(),
                    total => format!("{}%", progress.events.min(total) * 100 / total),
                };
                self.printer.say(&format!("{state:>12} {percent:>4}  {text}"));
            }
            None => {}
        }
    }

    fn print_phases(&mut self, phases: &[Phase]) {
        for phase in phases.get(self.printed_phases..).unwrap_or_default() {
            // Planning, and waiting in ready, process no events.
            if phase.events > 0 || phase.seconds >= 1.0 {
                self.printer.say(&report::phase(phase));
            }
        }
        self.printed_phases = phases.len();
    }
}
