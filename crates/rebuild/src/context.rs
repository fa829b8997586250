//! What every step of a rebuild works with.

use std::sync::Arc;

use views::Session;
use views::rebuild::{self as rows, State};

use crate::build_writer::BuildWriter;
use crate::error::{Error, Result};
use crate::meter::Meter;
use crate::settings::Settings;

/// For building indexes, which sort: in memory where that is enough.
pub(crate) const INDEXING: [(&str, &str); 2] =
    [("maintenance_work_mem", "256MB"), ("synchronous_commit", "on")];
/// For reading many rows in the order of their order ids.
pub(crate) const SORTING: [(&str, &str); 2] = [("work_mem", "64MB"), ("jit", "off")];

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) view: String,
    /// The rebuild, and the name under which this process owns its row.
    pub(crate) row: rows::Runner,
    pub(crate) meter: Arc<Meter>,
}

impl Context {
    pub(crate) async fn session(&self, settings: &[(&str, &str)]) -> Result<Session> {
        // Notices such as "… does not exist, skipping" tell an operator nothing.
        let settings: Vec<_> = settings.iter().copied().chain([("client_min_messages", "warning")]).collect();
        Ok(self.settings.database.session("food-orders rebuild", &settings).await?)
    }

    /// A writer of the history and of what follows from it.
    pub(crate) fn build_writer(&self, build: i64) -> BuildWriter {
        BuildWriter::new(&self.settings, &self.position_owner(), build, &self.meter)
    }

    /// A writer of the history alone; the orders are derived later.
    pub(crate) fn history_writer(&self, build: i64) -> BuildWriter {
        BuildWriter::history_only(&self.settings, &self.position_owner(), build, &self.meter)
    }

    /// Moves the rebuild's row to the next state.
    pub(crate) async fn advance(&self, session: &Session, from: State, to: State) -> Result<()> {
        rows::advance(&session.client, &self.row, from, to).await.map_err(Error::from_row_change)
    }

    /// The owner that the build's position rows name.
    fn position_owner(&self) -> String {
        format!("rebuild {} ({})", self.row.rebuild, self.row.name)
    }
}
