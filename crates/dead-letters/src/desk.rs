//! Where operators decide.

use event_log::KafkaSettings;
use orders::{Cause, Rejection, decode};
use views::apply::{Codec, envelope};
use views::dead_letters::{DeadLetterId, Outcome, discard, retry};
use views::read::{DeadLetter, Reader};
use views::{Database, Session, SessionKind};

use crate::error::{Error, Result};
use crate::reason::Reason;
use crate::whole::Whole;

#[derive(Clone, Debug)]
pub struct Desk {
    pub database: Database,
    pub kafka: KafkaSettings,
    /// The same as the consumers', or with a larger size limit.
    pub codec: Codec,
}

impl Desk {
    /// Decodes the dead letter's record again and applies it to every build that has the dead letter.
    /// Returns the decision's number.
    pub async fn retry(&self, reader: &Reader, id: DeadLetterId, reason: &Reason) -> Result<i64> {
        let dead_letter = self.open(reader, id).await?;
        let whole = Whole::of(&self.kafka, vec![dead_letter]).await?;
        let Some((_, Some(record))) = whole.records().next() else { return Err(Error::Gone(id)) };
        decode(envelope(&record, self.codec.max_record_bytes), record.value)
            .map_err(|rejection| Error::StillRefused { id, rejection })?;
        let mut session = self.session().await?;
        let outcomes = retry(&mut session, &self.codec, reason.as_str(), &[record]).await;
        let outcomes = outcomes.map_err(|error| match Error::is_of_the_record(&error) {
            true => Error::StillRefused { id, rejection: refused_by_database(&error) },
            false => error.into(),
        })?;
        decided(id, outcomes.into_iter().next())
    }

    /// Closes the dead letter in every build that has it. Returns the decision's number.
    pub async fn discard(&self, id: DeadLetterId, reason: &Reason) -> Result<i64> {
        let mut session = self.session().await?;
        let outcome = discard(&mut session, &self.codec, reason.as_str(), id).await?;
        decided(id, Some(outcome))
    }

    async fn open(&self, reader: &Reader, id: DeadLetterId) -> Result<DeadLetter> {
        let dead_letter = reader.dead_letter(id, true).await?.value.ok_or(Error::NotFound(id))?;
        if dead_letter.state == "open" {
            return Ok(dead_letter);
        }
        Err(Error::Closed { id, state: dead_letter.state, decision: dead_letter.decision })
    }

    pub(crate) async fn session(&self) -> Result<Session> {
        Ok(self.database.session("food-orders dead-letters", SessionKind::Short).await?)
    }
}

pub(crate) fn refused_by_database(error: &views::Error) -> Rejection {
    Rejection::new(Cause::RefusedByDatabase, error.to_string())
}

fn decided(id: DeadLetterId, outcome: Option<Outcome>) -> Result<i64> {
    match outcome {
        Some(Outcome::Decided(decision)) => {
            tracing::info!(dead_letter = %id, decision, "decided about a dead letter");
            Ok(decision)
        }
        Some(Outcome::Closed { state, decision }) => Err(Error::Closed { id, state, decision }),
        Some(Outcome::Missing) | None => Err(Error::NotFound(id)),
    }
}
