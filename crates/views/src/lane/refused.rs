//! A record that only PostgreSQL refuses becomes a dead letter.

use orders::{Partition, Position, Record};

use super::Lane;
use crate::apply::Batch;
use crate::error::{Error, Recovery, Result};

impl Lane {
    /// Writes a dead letter, and moves the positions on to `ends`. If PostgreSQL refuses the dead letter as well, it
    /// is written once more with nothing in it that could be refused: one record must not hold up its partition.
    pub(super) async fn write_refused(
        &mut self,
        record: Record<'_>,
        refusal: &Error,
        ends: &[(Partition, Position)],
    ) -> Result<()> {
        let mut batch = Batch::refused(&self.codec.decoder(), &self.positions(), record, refusal.to_string());
        self.move_over(&mut batch, ends);
        match self.write(&batch).await {
            Err(error) if error.recovery() == Recovery::Record => {
                tracing::error!(
                    partition = %record.partition,
                    offset = %record.offset,
                    %error,
                    "PostgreSQL refuses even the dead letter of a record; its texts are reduced to ASCII"
                );
                batch.reduce_to_ascii();
                self.write(&batch).await
            }
            result => result,
        }
    }
}
