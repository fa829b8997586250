//! Finds the schemas that records were written with: those that the database keeps, then those of the registry, which
//! the database keeps from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use orders::{Record, SchemaId, Schemas};
use views::apply::{Codec, Decoder};
use views::decisions::Decisions;
use views::schemas::{self, KnownSchemas};
use views::{Database, Session, SessionKind};

use crate::error::Result;
use crate::registry::SchemaRegistry;

/// How long it counts that the registry does not know an id. A record that begins with a zero byte by accident names any
/// id, and the registry should not be asked about each.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Questions to the registry at a time.
const QUESTIONS: usize = 8;
/// Registries number schemas with positive integers of 32 bits. Confluent's answers a question about a higher number as if
/// the path were wrong.
const HIGHEST_ID: SchemaId = SchemaId(i32::MAX as u32);

/// What it finds is added to `known`. Clones share what they know.
#[derive(Clone, Debug)]
pub struct SchemaLookup {
    known: KnownSchemas,
    database: Database,
    registry: Option<SchemaRegistry>,
    /// The ids that no schema was found for, and since when.
    unknown: Arc<Mutex<BTreeMap<SchemaId, Instant>>>,
}

impl SchemaLookup {
    /// `known`: those of the codec with which the records are decoded. Without a registry, only those are found that the
    /// database keeps.
    #[must_use]
    pub fn new(known: &KnownSchemas, database: &Database, registry: Option<SchemaRegistry>) -> Self {
        Self { known: known.clone(), database: database.clone(), registry, unknown: Arc::default() }
    }

    /// The same, which adds to other known schemas.
    #[must_use]
    pub fn apart(&self, known: &KnownSchemas) -> Self {
        Self::new(known, &self.database, self.registry.clone())
    }

    /// Asks for all schemas that these records were written with, known or not: an operator retries them.
    pub async fn learn_again<'r>(&self, records: impl Iterator<Item = Record<'r>>) -> Result<()> {
        self.learn(&records.filter_map(|record| Schemas::id_of(record.value)).collect()).await
    }

    /// A decoder of the codec to which this adds schemas. It can decode these records, about which `decisions` says what
    /// operators have decided.
    pub async fn decoder<'r>(
        &self,
        codec: &Codec,
        records: impl Iterator<Item = Record<'r>> + Clone,
        decisions: &Decisions,
    ) -> Result<Decoder> {
        self.refresh();
        loop {
            // What is missing is looked up in the decoder itself: a moment later, other tasks may have forgotten or learned some.
            let decoder = codec.decoder();
            let missing: BTreeSet<SchemaId> =
                records.clone().filter_map(|record| decoder.missing(&record, decisions)).collect();
            if missing.is_empty() {
                return Ok(decoder);
            }
            self.learn(&missing).await?;
        }
    }

    /// Finds schemas. Afterwards each id is known, either with its schema or as one that has none. An error means
    /// that the registry or the database gave no answer about one of them; what was answered about others is kept.
    pub async fn learn(&self, ids: &BTreeSet<SchemaId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let question = self.known.change(Schemas::begin_question);
        let session = self.database.session("food-orders schemas", SessionKind::Short).await?;
        let ids: Vec<SchemaId> = ids.iter().copied().collect();
        let missing = self.add_kept(&session, &ids).await?;
        let Some(registry) = &self.registry else {
            self.note_unknown(&missing, |known, id| known.add_without_registry(id, question));
            return Ok(());
        };
        let (possible, mut unknown): (Vec<_>, Vec<_>) = missing.into_iter().partition(|id| *id <= HIGHEST_ID);
        let asked = self.ask(registry, &session, possible, &mut unknown).await;
        // All at once: if the first ones were noted earlier, they would be forgotten before the last ones are answered.
        self.note_unknown(&unknown, |known, id| known.add_unknown(id, question));
        asked
    }

    /// Asks the registry until it gives no answer. Adds the ids that it does not know to `unknown`.
    async fn ask(
        &self,
        registry: &SchemaRegistry,
        session: &Session,
        ids: Vec<SchemaId>,
        unknown: &mut Vec<SchemaId>,
    ) -> Result<()> {
        let mut answers = stream::iter(ids)
            .map(async |id| registry.schema(id).await.map(|schema| (id, schema)))
            .buffer_unordered(QUESTIONS);
        while let Some(answer) = answers.next().await {
            let (id, schema) = answer?;
            let Some(schema) = schema else {
                unknown.push(id);
                continue;
            };
            schemas::keep(session, id, &schema).await?;
            tracing::info!(schema = %id, format = schema.schema_type, "a schema of the registry is kept from now on");
            // What is kept counts: another process may have been first.
            self.add_kept(session, &[id]).await?;
        }
        Ok(())
    }

    /// Forgets which ids had no schema, once that is a while ago: it may have been registered since. To be called before
    /// each batch.
    pub fn refresh(&self) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.is_empty() {
            return;
        }
        let old: Vec<SchemaId> =
            unknown.extract_if(.., |_, since| since.elapsed() > UNKNOWN_FOR).map(|(id, _)| id).collect();
        drop(unknown);
        if !old.is_empty() {
            self.known.change(|known| old.iter().for_each(|id| known.forget_unknown(*id)));
        }
    }

    fn note_unknown(&self, ids: &[SchemaId], note: impl Fn(&mut Schemas, SchemaId)) {
        if ids.is_empty() {
            return;
        }
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.extend(ids.iter().map(|id| (*id, Instant::now())));
        drop(unknown);
        self.known.change(|known| ids.iter().for_each(|id| note(known, *id)));
    }

    /// Adds those that the database keeps, and returns the others.
    async fn add_kept(&self, session: &Session, ids: &[SchemaId]) -> Result<Vec<SchemaId>> {
        let kept = schemas::kept(session, ids).await?;
        let missing = ids.iter().filter(|id| !kept.iter().any(|(kept, _)| kept == *id)).copied().collect();
        self.known.change(|known| kept.iter().for_each(|(id, schema)| known.add(*id, schema)));
        Ok(missing)
    }
}
