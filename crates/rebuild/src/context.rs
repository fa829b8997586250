//! What every step of a rebuild works with.

use std::sync::Arc;

use orders::Positions;
use views::rebuild::{RowOwner, State};
use views::{Build, Session, SessionKind};

use crate::build_writer::BuildWriter;
use crate::error::{Error, Result};
use crate::meter::Meter;
use crate::settings::Settings;

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) view: String,
    /// The rebuild, and the name under which this process owns its row.
    pub(crate) owner: RowOwner,
    pub(crate) meter: Arc<Meter>,
}

impl Context {
    pub(crate) async fn session(&self, kind: SessionKind) -> Result<Session> {
        Ok(self.settings.database.session("food-orders rebuild", kind).await?)
    }

    /// A writer of the history and of what follows from it.
    pub(crate) fn build_writer(&self, build: Build) -> BuildWriter {
        BuildWriter::new(&self.settings, &self.position_owner(), build, &self.meter)
    }

    /// A writer of the history alone; the orders are derived later. `begins`: where to begin to read.
    pub(crate) fn history_writer(&self, build: Build, begins: Positions) -> BuildWriter {
        BuildWriter::history_only(&self.settings, &self.position_owner(), build, begins, &self.meter)
    }

    /// Moves the rebuild's row to the next state.
    pub(crate) async fn advance(&self, session: &Session, from: State, to: State) -> Result<()> {
        self.owner.advance(session, from, to).await.map_err(Error::from_row_change)
    }

    /// The owner in the build's position rows.
    fn position_owner(&self) -> String {
        format!("rebuild {} ({})", self.owner.rebuild, self.owner.name)
    }
}
