//! The session of a lane: opened when it is needed, and again after it was lost.

use super::{Lane, Target};
use crate::apply::Writer;
use crate::error::{Error, Result};
use crate::session::SessionKind;
use crate::{PROJECTION_VERSION, builds, decisions, ownership};

impl Lane {
    /// Whether the active build is no longer the one that this lane writes to. If so, the next claim is
    /// made in the active one.
    pub async fn is_superseded(&mut self) -> Result<bool> {
        let session = self.options.database.session("food-orders lane", SessionKind::Short).await?;
        let active = builds::active(&session).await?;
        let superseded = self.build != Some(active.build);
        if superseded {
            self.writer = None;
        }
        Ok(superseded)
    }

    /// Opens a new session if the last one was lost, and reads the held positions again.
    pub async fn reconnect(&mut self) -> Result<()> {
        if self.held.is_empty() { Ok(()) } else { self.connect().await }
    }

    /// Makes sure that there is a session, and that the held positions are those that it has read.
    pub(super) async fn connect(&mut self) -> Result<()> {
        self.writer = Some(self.take_writer().await?);
        Ok(())
    }

    /// Takes the writer, which the caller has to put back. If there is none, this opens a new session,
    /// which reads the held positions again.
    pub(super) async fn take_writer(&mut self) -> Result<Writer> {
        if let Some(writer) = self.writer.take().filter(|writer| !writer.is_closed()) {
            return Ok(writer);
        }
        let mut writer = self.open().await?;
        if !self.held.is_empty() {
            self.resume_on(&mut writer).await?;
        }
        Ok(writer)
    }

    async fn resume_on(&mut self, writer: &mut Writer) -> Result<()> {
        let build = writer.build();
        if self.build != Some(build) {
            return Err(Error::Fenced {
                attempt: "resuming partitions",
                reason: format!("build {build} is the active one now"),
            });
        }
        let resumed = ownership::resume(writer.session(), build, &self.held).await?;
        for (partition, held) in &self.held {
            // Reading has already passed this position, so the records in between would be skipped.
            if let Some(found) = resumed.get(partition).map(|found| found.position)
                && found < held.position
            {
                return Err(Error::WentBack { partition: *partition, held: held.position, found });
            }
        }
        self.held = resumed;
        self.decisions = decisions::ahead(writer.session(), &self.positions()).await?;
        Ok(())
    }

    async fn open(&self) -> Result<Writer> {
        let kind = SessionKind::Batches(self.options.synchronous_commit);
        let session = self.options.database.session("food-orders lane", kind).await?;
        if let Target::Building { build, .. } = self.target {
            return Writer::open(session, build).await;
        }
        let active = builds::active(&session).await?;
        if active.projection_version != PROJECTION_VERSION {
            return Err(Error::ProjectionVersion { build: active.build, found: active.projection_version });
        }
        Writer::open(session, active.build).await
    }
}
