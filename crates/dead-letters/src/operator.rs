//! What an operator does about one dead letter: retry it or discard it.

use event_log::KafkaSettings;
use orders::{Cause, Rejection};
use schema_registry::SchemaLookup;
use views::apply::Codec;
use views::dead_letters::{DeadLetterId, Outcome, discard, retry};
use views::read::{DeadLetter, Reader};
use views::{Database, Recovery, Session, SessionKind};

use crate::error::{Error, Result};
use crate::reason::Reason;
use crate::records::Records;
use crate::state::DeadLetterState;

/// What the acts of an operator need. Each act opens a database session of its own.
#[derive(Clone, Debug)]
pub struct Operator {
    pub database: Database,
    pub kafka: KafkaSettings,
    /// The consumers' settings, or a larger size limit to admit what they refused.
    pub codec: Codec,
    /// Adds to the schemas of `codec`.
    pub schemas: SchemaLookup,
}

impl Operator {
    /// Decodes the dead letter's record again and applies it to every build that has the dead letter. Returns
    /// the number of the decision.
    pub async fn retry(&self, reader: &Reader, id: DeadLetterId, reason: &Reason) -> Result<i64> {
        let dead_letter = open_dead_letter(reader, id).await?;
        let records = Records::read(&self.kafka, vec![dead_letter]).await?;
        let Some((_, Some(record))) = records.iter().next() else { return Err(Error::RecordGone(id)) };
        self.schemas.learn_again(std::iter::once(record)).await?;
        self.codec
            .decoder()
            .decode(&record)
            .map(drop)
            .map_err(|rejection| Error::StillRefused { id, rejection })?;
        let mut session = self.session().await?;
        let outcomes = retry(&mut session, &self.codec, reason.as_str(), &[record]).await;
        let outcomes = outcomes.map_err(|error| match is_fault_of_the_record(&error) {
            true => Error::StillRefused { id, rejection: refused_by_database(&error) },
            false => error.into(),
        })?;
        decision(id, outcomes.into_iter().next())
    }

    /// Closes the dead letter in every build that has it. Returns the number of the decision.
    pub async fn discard(&self, id: DeadLetterId, reason: &Reason) -> Result<i64> {
        let mut session = self.session().await?;
        let outcome = discard(&mut session, &self.codec, reason.as_str(), id).await?;
        decision(id, Some(outcome))
    }

    pub(crate) async fn session(&self) -> Result<Session> {
        Ok(self.database.session("food-orders dead-letters", SessionKind::Short).await?)
    }
}

async fn open_dead_letter(reader: &Reader, id: DeadLetterId) -> Result<DeadLetter> {
    let dead_letter = reader.dead_letter(id, true).await?.value.ok_or(Error::NotFound(id))?;
    if dead_letter.state == DeadLetterState::Open.as_str() {
        return Ok(dead_letter);
    }
    Err(Error::Closed { id, state: dead_letter.state, decision: dead_letter.decision })
}

/// Whether PostgreSQL refused a value of the record, as opposed to failing for another reason.
pub(crate) fn is_fault_of_the_record(error: &views::Error) -> bool {
    error.recovery() == Recovery::Record
}

pub(crate) fn refused_by_database(error: &views::Error) -> Rejection {
    Rejection::new(Cause::RefusedByDatabase, error.to_string())
}

fn decision(id: DeadLetterId, outcome: Option<Outcome>) -> Result<i64> {
    match outcome {
        Some(Outcome::Decided(decision)) => {
            tracing::info!(dead_letter = %id, decision, "a dead letter was closed by a decision");
            Ok(decision)
        }
        Some(Outcome::Closed { state, decision }) => Err(Error::Closed { id, state, decision }),
        Some(Outcome::Missing) | None => Err(Error::NotFound(id)),
    }
}
