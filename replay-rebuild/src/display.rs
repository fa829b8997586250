//! Shows the progress of a rebuild while it runs, in a task of its own.

use std::time::Duration;

use rebuild::Progress;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use views::Database;

use crate::printer::Printer;
use crate::screen::Screen;

/// The time that is shown goes on between two reports of the rebuild as well.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

pub struct Display {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Display {
    pub fn start(database: Database, id: i64, progress: watch::Receiver<Progress>, printer: Printer) -> Self {
        let (end, ended) = oneshot::channel();
        let screen = Screen::new(database, id, &progress.borrow(), printer);
        Self { end, task: tokio::spawn(run(screen, progress, ended)) }
    }

    /// Prints what has not been printed yet, and removes the bar.
    pub async fn finish(self) {
        // The receiver is gone only if the task has ended, which the next line reports.
        let _ = self.end.send(());
        if let Err(error) = self.task.await {
            tracing::debug!(%error, "the progress display ended early");
        }
    }
}

async fn run(mut screen: Screen, mut progress: watch::Receiver<Progress>, mut ended: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut ended => break,
            changed = progress.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(REDRAW_EVERY) => {}
        }
        let now = progress.borrow_and_update().clone();
        screen.update(&now).await;
    }
    let last = progress.borrow().clone();
    screen.finish(&last);
}
