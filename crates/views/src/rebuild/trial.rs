//! Whether PostgreSQL refuses a record.

use orders::{Position, Positions, Record};

use crate::Build;
use crate::apply::{Batch, Codec, Rows, Way};
use crate::decisions::Decisions;
use crate::error::{Recovery, Result};
use crate::session::Session;

/// Writes records to a build, each in a transaction that is rolled back.
pub struct Trial {
    session: Session,
    rows: Rows,
}

impl Trial {
    pub async fn open(session: Session, build: Build) -> Result<Self> {
        let rows = Rows::prepare(&session.client, build).await?;
        Ok(Self { session, rows })
    }

    /// The record has to be one that decodes, or that a retry admits.
    pub async fn refuses(
        &mut self,
        codec: &Codec,
        decisions: &Decisions,
        record: &Record<'_>,
    ) -> Result<bool> {
        let tx = self.session.begin("trying a record").await?;
        let start: Positions = [(record.partition, Position(record.offset.0))].into_iter().collect();
        let decoder = codec.decoder();
        let batch = Batch::encode(&decoder, &start, decisions, std::slice::from_ref(record))?;
        let copy = self.rows.open(tx.client()).await;
        match self.rows.write(tx.client(), copy, &batch, Way::Upsert).await {
            Ok(_) => Ok(false),
            Err(error) if error.recovery() == Recovery::Record => Ok(true),
            Err(error) => Err(error),
        }
    }
}
