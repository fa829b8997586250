//! Records of which a build says that PostgreSQL refuses them: whether it does.

use std::collections::BTreeSet;

use event_log::Chunk;
use orders::{Offset, Partition};
use views::decisions::Decisions;
use views::rebuild::Trial;
use views::{Build, SessionKind, SynchronousCommit};

use super::admission::not_refused;
use crate::differences::Differences;
use crate::error::Result;
use crate::settings::Settings;

pub(super) struct Refusals {
    settings: Settings,
    build: Build,
    /// Opened for the first record.
    trial: Option<Trial>,
    /// Those that were not tried yet.
    records: BTreeSet<(Partition, Offset)>,
}

impl Refusals {
    pub(super) fn new(settings: &Settings, build: Build) -> Self {
        Self { settings: settings.clone(), build, trial: None, records: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, at: (Partition, Offset)) {
        self.records.insert(at);
    }

    /// Tries the records that were added, which `chunk` has to hold.
    pub(super) async fn check(
        &mut self,
        chunk: &Chunk,
        decisions: &Decisions,
        differences: &mut Differences,
    ) -> Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.records);
        for (_, record) in chunk.records() {
            let at = (record.partition, record.offset);
            if !records.contains(&at) {
                continue;
            }
            let trial = match &mut self.trial {
                Some(trial) => trial,
                none => none.insert(open(&self.settings, self.build).await?),
            };
            if !trial.refuses(&self.settings.codec, decisions, &record).await? {
                differences.push(not_refused(at));
            }
        }
        Ok(())
    }
}

async fn open(settings: &Settings, build: Build) -> Result<Trial> {
    let kind = SessionKind::Batches(SynchronousCommit::Off);
    let session = settings.database.session("food-orders rebuild verify", kind).await?;
    Ok(Trial::open(session, build).await?)
}
