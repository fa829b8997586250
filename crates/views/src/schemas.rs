//! The schemas of the registry: those that a process knows, and those that the database keeps for all builds.

use std::sync::{Arc, PoisonError, RwLock};

use orders::{SchemaId, SchemaText, Schemas};

use crate::error::{Error, Result};
use crate::session::Session;

/// The schemas that this process knows. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct KnownSchemas(Arc<RwLock<Arc<Schemas>>>);

impl KnownSchemas {
    /// What is known now. What is learned later does not change it, so that all records of a batch are read with
    /// the same knowledge.
    #[must_use]
    pub fn now(&self) -> Arc<Schemas> {
        // A change is made by one assignment, so a thread that panicked has left nothing half done.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Schemas) -> T) -> T {
        change(Arc::make_mut(&mut self.0.write().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Those of the schemas that the database keeps.
pub async fn kept(session: &Session, ids: &[SchemaId]) -> Result<Vec<(SchemaId, SchemaText)>> {
    let ids: Vec<i64> = ids.iter().map(|id| i64::from(id.0)).collect();
    let rows = session
        .client
        .query(
            "/* views::schemas::kept */ SELECT id, schema_type, schema, has_references FROM public.schemas WHERE id = ANY($1)",
            &[&ids],
        )
        .await
        .map_err(Error::during("reading the schemas that are kept"))?;
    rows.iter()
        .map(|row| {
            let id = u32::try_from(row.get::<_, i64>(0)).map_err(|_| Error::UnreadableRow)?;
            let schema = SchemaText { schema_type: row.get(1), text: row.get(2), has_references: row.get(3) };
            Ok((SchemaId(id), schema))
        })
        .collect()
}

/// Keeps a schema, unless one with its id is kept already: records that were read with that one would be read
/// otherwise by the next rebuild.
pub async fn keep(session: &Session, id: SchemaId, schema: &SchemaText) -> Result<()> {
    // PostgreSQL's text cannot hold NUL characters.
    let without_nul = |text: &str| text.replace('\0', "\u{fffd}");
    session
        .client
        .execute(
            "/* views::schemas::keep */ INSERT INTO public.schemas (id, schema_type, schema, has_references)
             VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
            &[
                &i64::from(id.0),
                &without_nul(&schema.schema_type),
                &without_nul(&schema.text),
                &schema.has_references,
            ],
        )
        .await
        .map_err(Error::during("keeping a schema"))?;
    Ok(())
}
