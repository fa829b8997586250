//! The session of a lane: opened when it is needed, and again after it was lost.

use super::{Lane, Target};
use crate::apply::Writer;
use crate::error::{Error, Recovery, Result};
use crate::session::SessionKind;
use crate::{Build, builds, ownership};

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

    /// Asks the database whether this lane still writes to the active build, which an idle one would not notice
    /// otherwise; with no partitions held as well. Opens a new session if the last one was lost, and then reads
    /// the held positions again. [`Error::Fenced`] after a switch.
    pub async fn check(&mut self) -> Result<()> {
        let mut writer = self.take_writer().await?;
        let active = builds::active(writer.session()).await?;
        active.check_version()?;
        if active.build == writer.build() {
            self.writer = Some(writer);
        } else if !self.held.is_empty() {
            return Err(is_active_now("looking at the active build", active.build));
        }
        Ok(())
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
            return Err(is_active_now("resuming partitions", build));
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
        self.decisions = self.decisions_ahead(writer.session()).await?;
        Ok(())
    }

    async fn open(&mut self) -> Result<Writer> {
        let kind = SessionKind::Batches(self.options.synchronous_commit);
        let session = self.options.database.session("food-orders lane", kind).await?;
        let build = match self.target {
            Target::Building { build, .. } => build,
            Target::Active => {
                let active = builds::active(&session).await?;
                active.check_version()?;
                active.build
            }
        };
        let own = self.options.codec.max_record_bytes;
        self.codec.max_record_bytes = build.max_record_bytes(&session, own).await?;
        match Writer::open(session, build).await {
            Err(error) => Err(self.explain(error, build).await),
            writer => writer,
        }
    }

    /// A table of `build` that is missing may mean that another build is active by now. If not, trying again is of
    /// no use.
    pub(super) async fn explain(&self, error: Error, build: Build) -> Error {
        if error.recovery() != Recovery::BuildGone || self.target != Target::Active {
            return error;
        }
        let active = async {
            let session = self.options.database.session("food-orders lane", SessionKind::Short).await?;
            builds::active(&session).await
        };
        match active.await {
            Ok(active) if active.build == build => error.in_active_build(),
            _ => error,
        }
    }
}

fn is_active_now(attempt: &'static str, build: Build) -> Error {
    Error::Fenced { attempt, reason: format!("build {build} is the active one now") }
}
