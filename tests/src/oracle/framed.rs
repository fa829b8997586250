//! Values that were written with a schema of a registry, as JSON. The schemas are those that the database keeps; Avro is
//! read by apache-avro, which the production code uses only to parse schemas.

use std::collections::BTreeMap;
use std::fmt::Write;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use serde_json::{Map, Value};
use tokio_postgres::Transaction;

use super::Error;

/// The kept schemas by id: the format, and the text.
#[derive(Clone, Debug, Default)]
pub struct Schemas(BTreeMap<u32, (String, String)>);

impl Schemas {
    pub async fn read(tx: &Transaction<'_>) -> Result<Self, Error> {
        let select = "/* oracle::framed */ SELECT id, schema_type, schema FROM public.schemas";
        let mut schemas = Self::default();
        for row in tx.query(select, &[]).await? {
            let id = row.try_get::<_, i64>(0)?;
            schemas.0.insert(id as u32, (row.try_get(1)?, row.try_get(2)?));
        }
        Ok(schemas)
    }

    /// The value as JSON; `None` if it is that already. Otherwise the causes that its dead letter may have.
    pub fn json(&self, value: &[u8]) -> Result<Option<Vec<u8>>, Vec<&'static str>> {
        let [0, a, b, c, d, payload @ ..] = value else { return Ok(None) };
        if payload.is_empty() {
            return Ok(None);
        }
        match self.0.get(&u32::from_be_bytes([*a, *b, *c, *d])) {
            // Without a registry, the cause is the other one.
            None => Err(vec!["unknown_schema", "bad_json"]),
            Some((format, _)) if format == "JSON" => Ok(Some(payload.to_vec())),
            // Production code does not read them.
            Some((_, schema)) if schema.contains("\"duration\"") || schema.contains("\"big-decimal\"") => {
                Err(vec!["unreadable_schema"])
            }
            Some((format, schema)) if format == "AVRO" => {
                let schema = Schema::parse_str(schema).map_err(|_| vec!["unreadable_schema"])?;
                let mut rest = payload;
                let reader =
                    GenericDatumReader::builder(&schema).build().map_err(|_| vec!["unreadable_schema"])?;
                let value = reader.read_value(&mut rest).map_err(|_| vec!["schema_mismatch"])?;
                let mut json = json(value).ok_or_else(|| vec!["out_of_range"])?;
                if let Value::Object(fields) = &mut json {
                    fields.retain(|_, value| !value.is_null());
                }
                if rest.is_empty() {
                    Ok(Some(json.to_string().into_bytes()))
                } else {
                    Err(vec!["schema_mismatch"])
                }
            }
            Some(_) => Err(vec!["unsupported_schema"]),
        }
    }
}

/// `None` for a value that the tests do not send.
fn json(value: Avro) -> Option<Value> {
    Some(match value {
        Avro::Null => Value::Null,
        Avro::Boolean(value) => value.into(),
        Avro::Int(number) => number.into(),
        Avro::Long(number) => number.into(),
        Avro::Double(number) => serde_json::Number::from_f64(number)?.into(),
        Avro::Float(number) => number.to_string().parse::<serde_json::Number>().ok()?.into(),
        Avro::String(text) | Avro::Enum(_, text) => text.into(),
        Avro::Bytes(bytes) | Avro::Fixed(_, bytes) => bytes
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
            .into(),
        Avro::Union(_, value) => json(*value)?,
        Avro::Array(items) => Value::Array(items.into_iter().map(json).collect::<Option<_>>()?),
        Avro::Map(members) => Value::Object(object(members.into_iter())?),
        Avro::Record(fields) => Value::Object(object(fields.into_iter())?),
        Avro::TimestampMillis(millis) => jiff::Timestamp::from_millisecond(millis).ok()?.to_string().into(),
        Avro::TimestampMicros(micros) => jiff::Timestamp::from_microsecond(micros).ok()?.to_string().into(),
        _ => return None,
    })
}

fn object(members: impl Iterator<Item = (String, Avro)>) -> Option<Map<String, Value>> {
    members.map(|(name, value)| Some((name, json(value)?))).collect()
}
