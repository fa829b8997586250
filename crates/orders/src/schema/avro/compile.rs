//! Makes a schema ready for reading.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};

use super::{AvroReader, Type, Unit};
use crate::text;

/// More digits after the point than any amount has, and few enough to be written out.
const MAX_SCALE: usize = 100;

impl AvroReader {
    /// Fails with the reason why the schema cannot be used.
    pub(in crate::schema) fn of(text: &str) -> Result<Self, String> {
        let schema = Schema::parse_str(text).map_err(|error| error.to_string())?;
        let mut compiler = Compiler::default();
        let root = compiler.add(&schema)?;
        Ok(Self { types: compiler.types, root })
    }
}

#[derive(Default)]
struct Compiler {
    types: Vec<Type>,
    /// The types that others may refer to.
    named: HashMap<Name, usize>,
}

impl Compiler {
    fn add(&mut self, schema: &Schema) -> Result<usize, String> {
        if let Schema::Ref { name } = schema {
            return self
                .named
                .get(name)
                .copied()
                .ok_or_else(|| format!("it refers to {name}, which it does not define"));
        }
        let index = self.types.len();
        // Holds the place while the types that it consists of are added, which may refer to it.
        self.types.push(Type::Null);
        if let Some(name) = schema.name() {
            self.named.insert(name.clone(), index);
        }
        self.types[index] = self.made_of(schema)?;
        Ok(index)
    }

    fn made_of(&mut self, schema: &Schema) -> Result<Type, String> {
        Ok(match schema {
            Schema::Null => Type::Null,
            Schema::Boolean => Type::Boolean,
            Schema::Int => Type::Int,
            Schema::Long => Type::Long,
            Schema::Float => Type::Float,
            Schema::Double => Type::Double,
            Schema::Bytes | Schema::Uuid(UuidSchema::Bytes) => Type::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Type::String,
            Schema::Array(array) => Type::Array(self.add(&array.items)?),
            Schema::Map(map) => Type::Map(self.add(&map.types)?),
            Schema::Union(union) => {
                Type::Union(union.variants().iter().map(|branch| self.add(branch)).collect::<Result<_, _>>()?)
            }
            Schema::Record(record) => {
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    fields.push((json(&field.name) + ":", self.add(&field.schema)?));
                }
                Type::Record(fields)
            }
            Schema::Enum(symbols) => Type::Enum(symbols.symbols.iter().map(|symbol| json(symbol)).collect()),
            Schema::Fixed(fixed) => Type::Fixed(fixed.size),
            Schema::Decimal(decimal) if decimal.scale > MAX_SCALE => {
                return Err(format!("a decimal has the scale {}; the limit is {MAX_SCALE}", decimal.scale));
            }
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Type::Decimal(decimal.scale, None),
                InnerDecimalSchema::Fixed(fixed) => Type::Decimal(decimal.scale, Some(fixed.size)),
            },
            Schema::Uuid(UuidSchema::Fixed(_)) => Type::Uuid,
            Schema::Date => Type::Date,
            Schema::TimeMillis => Type::TimeOfDay(Unit::Millis),
            Schema::TimeMicros => Type::TimeOfDay(Unit::Micros),
            Schema::TimestampMillis => Type::Timestamp(Unit::Millis),
            Schema::TimestampMicros => Type::Timestamp(Unit::Micros),
            Schema::TimestampNanos => Type::Timestamp(Unit::Nanos),
            Schema::LocalTimestampMillis => Type::LocalTimestamp(Unit::Millis),
            Schema::LocalTimestampMicros => Type::LocalTimestamp(Unit::Micros),
            Schema::LocalTimestampNanos => Type::LocalTimestamp(Unit::Nanos),
            Schema::BigDecimal => {
                return Err("it uses the logical type big-decimal, which is not supported".into());
            }
            Schema::Duration(_) => {
                return Err("it uses the logical type duration, which is not supported".into());
            }
            Schema::Ref { name } => return Err(format!("it refers to {name}, which it does not define")),
        })
    }
}

fn json(text: &str) -> String {
    let mut json = String::new();
    text::push_string(&mut json, text);
    json
}
