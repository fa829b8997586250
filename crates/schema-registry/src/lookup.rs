//! Finds the schemas that records were written with: those that the database keeps, then those of the registry, which
//! the database keeps from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use orders::{Record, SchemaId, Schemas};
use views::schemas::{self, KnownSchemas};
use views::{Database, SessionKind};

use crate::error::Result;
use crate::registry::SchemaRegistry;

/// How long it counts that the registry does not know an id. A record that begins with a zero byte by accident names any
/// id, and the registry should not be asked about each.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
/// Questions to the registry at a time.
const QUESTIONS: usize = 8;

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

    /// The schemas of these records that have to be asked for before they are decoded.
    #[must_use]
    pub fn missing<'r>(&self, records: impl Iterator<Item = Record<'r>>) -> BTreeSet<SchemaId> {
        let known = self.known.now();
        records.filter_map(|record| known.missing(record.value)).collect()
    }

    /// The schemas of these records, known or not.
    #[must_use]
    pub fn named<'r>(records: impl Iterator<Item = Record<'r>>) -> BTreeSet<SchemaId> {
        records.filter_map(|record| Schemas::id_of(record.value)).collect()
    }

    /// Finds schemas. Afterwards something is known about each of the ids, be it that it has no schema. An error means
    /// that the registry or the database gave no answer.
    pub async fn learn(&self, ids: &BTreeSet<SchemaId>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let session = self.database.session("food-orders schemas", SessionKind::Short).await?;
        let ids: Vec<SchemaId> = ids.iter().copied().collect();
        let missing = self.add_kept(&session, &ids).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let Some(registry) = &self.registry else {
            self.note_unknown(&missing, Schemas::add_without_registry);
            return Ok(());
        };
        let answers: Vec<_> = stream::iter(missing)
            .map(async |id| registry.schema(id).await.map(|schema| (id, schema)))
            .buffer_unordered(QUESTIONS)
            .try_collect()
            .await?;
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        for (id, schema) in answers {
            match schema {
                Some(schema) => {
                    schemas::keep(&session, id, &schema).await?;
                    tracing::info!(schema = %id, format = schema.schema_type, "a schema of the registry is kept from now on");
                    found.push(id);
                }
                None => unknown.push(id),
            }
        }
        // What is kept counts: another process may have been first.
        self.add_kept(&session, &found).await?;
        self.note_unknown(&unknown, Schemas::add_unknown);
        Ok(())
    }

    /// Asks again about those of the ids that no schema was found for.
    pub async fn learn_again(&self, ids: &BTreeSet<SchemaId>) -> Result<()> {
        self.forget(ids.iter().copied());
        self.learn(ids).await
    }

    /// Forgets which ids had no schema, once that is a while ago: it may have been registered since. For a process that
    /// reads the log as it grows.
    pub fn refresh(&self) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.is_empty() {
            return;
        }
        let old: Vec<SchemaId> =
            unknown.extract_if(.., |_, since| since.elapsed() > UNKNOWN_FOR).map(|(id, _)| id).collect();
        drop(unknown);
        self.forget(old.into_iter());
    }

    /// Forgets which ids had no schema. For what begins anew.
    pub fn forget_unknown(&self) {
        let all = std::mem::take(&mut *self.unknown.lock().unwrap_or_else(PoisonError::into_inner));
        self.forget(all.into_keys());
    }

    fn forget(&self, ids: impl Iterator<Item = SchemaId>) {
        let ids: Vec<SchemaId> = ids.collect();
        if !ids.is_empty() {
            self.known.change(|known| ids.iter().for_each(|id| known.forget_unknown(*id)));
        }
    }

    fn note_unknown(&self, ids: &[SchemaId], note: impl Fn(&mut Schemas, SchemaId)) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.extend(ids.iter().map(|id| (*id, Instant::now())));
        drop(unknown);
        self.known.change(|known| ids.iter().for_each(|id| note(known, *id)));
    }

    /// Adds those that the database keeps, and returns the others.
    async fn add_kept(&self, session: &views::Session, ids: &[SchemaId]) -> Result<Vec<SchemaId>> {
        let kept = schemas::kept(session, ids).await?;
        let missing = ids.iter().filter(|id| !kept.iter().any(|(kept, _)| kept == *id)).copied().collect();
        self.known.change(|known| kept.iter().for_each(|(id, schema)| known.add(*id, schema)));
        Ok(missing)
    }
}
