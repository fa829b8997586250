//! The values of the records: JSON, or JSON or Avro behind the id of a schema that the registry has.

use orders::schema::order_event::{self, AvroWriter};
use orders::schema::push_framing;
use orders::{NewEvent, SchemaId};
use retry::retry;
use schema_registry::{Error, SchemaRegistry};
use service::Failure;

use crate::settings::{Format, Settings};

pub enum Values {
    Json,
    JsonSchema(SchemaId),
    Avro(SchemaId, AvroWriter),
}

impl Values {
    /// Registers the schema, if the format has one; waits while the registry is away.
    pub async fn prepare(settings: &Settings) -> Result<Self, Failure> {
        let subject = format!("{}-value", settings.kafka.topic);
        match (settings.format, &settings.registry) {
            (Format::Json, _) | (_, None) => Ok(Self::Json),
            (Format::JsonSchema, Some(registry)) => {
                Ok(Self::JsonSchema(register(registry, &subject, "JSON", order_event::JSON).await?))
            }
            (Format::Avro, Some(registry)) => {
                let id = register(registry, &subject, "AVRO", order_event::AVRO).await?;
                Ok(Self::Avro(id, AvroWriter::new()?))
            }
        }
    }

    /// Appends the value of an event.
    pub fn write(&self, event: &NewEvent, out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Json => event.write_json(out)?,
            Self::JsonSchema(id) => {
                push_framing(out, *id);
                event.write_json(out)?;
            }
            Self::Avro(id, avro) => {
                push_framing(out, *id);
                out.extend(avro.write(event)?);
            }
        }
        Ok(())
    }

    /// The header `content-type` of the records.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonSchema(_) | Self::Avro(..) => "application/octet-stream",
        }
    }
}

async fn register(
    registry: &SchemaRegistry,
    subject: &str,
    schema_type: &str,
    schema: &str,
) -> Result<SchemaId, Failure> {
    let id =
        retry("the schema registry", Error::is_passing, || registry.register(subject, schema_type, schema))
            .await?;
    tracing::info!(subject, schema = %id, format = schema_type, "the schema of the events is registered");
    Ok(id)
}
