//! Reads Avro's binary encoding into JSON, by the schema that the value was written with.
//!
//! The schema is parsed by apache-avro. Values are not read by it, because it makes a tree of values first, whose size a
//! few hostile bytes can choose; here the JSON is written at once, and it has a bound.

mod compile;
mod input;

use std::fmt::Write;

use jiff::civil::{Date, Time as Clock};
use jiff::{SignedDuration, Span, Timestamp};

use crate::decode::cause::Cause;
use crate::text::{self, MAX_DEPTH};
use input::Input;

/// The JSON may have this many bytes, or [`GROWTH`] times as many as the value if that is more, even where the limit of
/// the caller is higher.
const MAX_JSON_BYTES: usize = 10_000_000;
const GROWTH: usize = 8;

/// A schema that is ready for reading. Types refer to each other by their index, since a schema may contain itself.
#[derive(Debug)]
pub(super) struct AvroReader {
    types: Vec<Type>,
    root: usize,
}

#[derive(Debug)]
enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    /// Each field's name as the beginning of a JSON member, and its type.
    Record(Vec<(String, usize)>),
    /// Each symbol as a JSON string.
    Enum(Vec<String>),
    Fixed(usize),
    /// The number of digits after the point, and the size if it is fixed.
    Decimal(usize, Option<usize>),
    /// As 16 bytes. One that is written as text is a string.
    Uuid,
    Date,
    TimeOfDay(Unit),
    Timestamp(Unit),
    /// Without a time zone.
    LocalTimestamp(Unit),
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) cause: Cause,
    pub(super) why: String,
}

type Result<T, E = Unread> = std::result::Result<T, E>;

/// The value is not what its schema describes.
fn mismatch<T>(why: impl Into<String>) -> Result<T> {
    Err(Unread { cause: Cause::SchemaMismatch, why: why.into() })
}

fn out_of_range<T>(why: impl Into<String>) -> Result<T> {
    Err(Unread { cause: Cause::OutOfRange, why: why.into() })
}

impl AvroReader {
    /// The value as JSON. Fields of the record that are null are left out, as in an event that was written as JSON; a
    /// branch of a union is written without its name. JSON of more than `max_bytes` is refused.
    pub(super) fn read(&self, value: &[u8], max_bytes: usize) -> Result<String> {
        let limit = max_bytes.min(MAX_JSON_BYTES.max(value.len().saturating_mul(GROWTH)));
        let mut json = Json { types: &self.types, input: Input::new(value), out: String::new(), limit };
        json.out.reserve(value.len() * 2 + 128);
        json.write(self.root, 0)?;
        match json.input.left() {
            0 => Ok(json.out),
            left => mismatch(format!("{left} bytes follow its end")),
        }
    }
}

struct Json<'a> {
    types: &'a [Type],
    input: Input<'a>,
    out: String,
    limit: usize,
}

impl Json<'_> {
    /// `depth`: in how many objects and lists the value lies.
    fn write(&mut self, index: usize, depth: usize) -> Result<()> {
        let types = self.types;
        match &types[index] {
            Type::Null => self.out.push_str("null"),
            Type::Boolean => {
                let word = if self.input.boolean()? { "true" } else { "false" };
                self.out.push_str(word);
            }
            Type::Int => {
                let number = self.input.int()?;
                self.print(number);
            }
            Type::Long => {
                let number = self.input.long()?;
                self.print(number);
            }
            Type::Float => {
                let number = f32::from_le_bytes(self.input.array()?);
                self.number(number.is_finite(), number)?;
            }
            Type::Double => {
                let number = f64::from_le_bytes(self.input.array()?);
                self.number(number.is_finite(), number)?;
            }
            Type::Bytes => {
                let bytes = self.input.bytes()?;
                self.hexadecimal(bytes);
            }
            Type::String => {
                let text = self.input.text()?;
                text::push_string(&mut self.out, text);
            }
            Type::Array(items) => self.blocks(('[', ']'), depth, |json| json.write(*items, depth + 1))?,
            Type::Map(values) => self.blocks(('{', '}'), depth, |json| {
                let name = json.input.text()?;
                text::push_string(&mut json.out, name);
                json.out.push(':');
                json.write(*values, depth + 1)
            })?,
            Type::Union(branches) => {
                let branch = self.input.index(branches.len(), "a union has no branch")?;
                self.write(branches[branch], depth)?;
            }
            Type::Record(fields) => self.record(fields, depth)?,
            Type::Enum(symbols) => {
                let symbol = self.input.index(symbols.len(), "an enum has no symbol")?;
                self.out.push_str(&symbols[symbol]);
            }
            Type::Fixed(size) => {
                let bytes = self.input.take(*size)?;
                self.hexadecimal(bytes);
            }
            Type::Decimal(scale, size) => {
                let bytes = match size {
                    Some(size) => self.input.take(*size)?,
                    None => self.input.bytes()?,
                };
                self.decimal(bytes, *scale)?;
            }
            Type::Uuid => {
                let uuid = uuid::Uuid::from_bytes(self.input.array()?);
                self.quoted(uuid);
            }
            Type::Date => {
                let days = self.input.int()?;
                let epoch = Date::constant(1970, 1, 1);
                match Span::new().try_days(days).and_then(|days| epoch.checked_add(days)) {
                    Ok(date) => self.quoted(date),
                    Err(_) => return out_of_range(format!("a date lies {days} days after 1970")),
                }
            }
            Type::TimeOfDay(unit) => {
                let value = self.input.long()?;
                match unit.duration(value).and_then(|since| Clock::midnight().checked_add(since).ok()) {
                    Some(time) => self.quoted(time),
                    None => return out_of_range(format!("a time of day is {value}")),
                }
            }
            Type::Timestamp(unit) => {
                let time = self.timestamp(*unit)?;
                self.quoted(time);
            }
            Type::LocalTimestamp(unit) => {
                let time = self.timestamp(*unit)?;
                self.quoted(jiff::tz::TimeZone::UTC.to_datetime(time));
            }
        }
        if self.out.len() > self.limit {
            let why = format!("as JSON it has more than {} bytes", self.limit);
            return Err(Unread { cause: Cause::TooLarge, why });
        }
        Ok(())
    }

    fn record(&mut self, fields: &[(String, usize)], depth: usize) -> Result<()> {
        check_depth(depth)?;
        self.out.push('{');
        for (name, index) in fields {
            let before = self.out.len();
            if !self.out.ends_with('{') {
                self.out.push(',');
            }
            self.out.push_str(name);
            let value = self.out.len();
            self.write(*index, depth + 1)?;
            if depth == 0 && &self.out[value..] == "null" {
                self.out.truncate(before);
            }
        }
        self.out.push('}');
        Ok(())
    }

    /// A list or a map comes in blocks, each with its number of items, up to an empty one.
    fn blocks(
        &mut self,
        (open, close): (char, char),
        depth: usize,
        mut item: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        check_depth(depth)?;
        self.out.push(open);
        let mut is_first = true;
        loop {
            let count = self.input.long()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                // The size of the block, for readers that skip it.
                self.input.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                if !std::mem::take(&mut is_first) {
                    self.out.push(',');
                }
                let before = self.input.left();
                item(self)?;
                // A few bytes could claim a million of them.
                if self.input.left() == before {
                    return mismatch("a list has items that take no bytes");
                }
            }
        }
        self.out.push(close);
        Ok(())
    }

    fn print(&mut self, value: impl std::fmt::Display) {
        // Writing to a String does not fail.
        let _ = write!(self.out, "{value}");
    }

    fn quoted(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.out, "\"{value}\"");
    }

    /// With the fewest digits that stand for the same number.
    fn number(&mut self, is_finite: bool, number: impl std::fmt::Debug) -> Result<()> {
        if !is_finite {
            return out_of_range(format!("it holds the number {number:?}, which JSON does not have"));
        }
        let _ = write!(self.out, "{number:?}");
        Ok(())
    }

    /// Bytes become their hexadecimal digits.
    fn hexadecimal(&mut self, bytes: &[u8]) {
        self.out.push('"');
        for byte in bytes {
            let _ = write!(self.out, "{byte:02x}");
        }
        self.out.push('"');
    }

    fn decimal(&mut self, bytes: &[u8], scale: usize) -> Result<()> {
        if bytes.len() > size_of::<i128>() {
            return out_of_range(format!("it holds a decimal of {} bytes; 16 can be read", bytes.len()));
        }
        let is_negative = bytes.first().is_some_and(|byte| *byte & 0x80 != 0);
        let start: i128 = if is_negative { -1 } else { 0 };
        let unscaled = bytes.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte));
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        self.out.push_str(if unscaled < 0 { "-" } else { "" });
        self.out.push_str(whole);
        if scale > 0 {
            self.out.push('.');
            self.out.push_str(fraction);
        }
        Ok(())
    }

    fn timestamp(&mut self, unit: Unit) -> Result<Timestamp> {
        let value = self.input.long()?;
        let time = match unit {
            Unit::Millis => Timestamp::from_millisecond(value),
            Unit::Micros => Timestamp::from_microsecond(value),
            Unit::Nanos => Timestamp::from_nanosecond(value.into()),
        };
        time.or_else(|_| out_of_range(format!("a time lies {value} {} after 1970", unit.name())))
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Micros => "µs",
            Self::Nanos => "ns",
        }
    }

    /// `None` if it is not a time of day.
    fn duration(self, value: i64) -> Option<SignedDuration> {
        let duration = match self {
            Self::Millis => SignedDuration::from_millis(value),
            Self::Micros => SignedDuration::from_micros(value),
            Self::Nanos => SignedDuration::from_nanos(value),
        };
        (SignedDuration::ZERO..SignedDuration::from_hours(24)).contains(&duration).then_some(duration)
    }
}

/// A field of an event may nest [`MAX_DEPTH`] levels deep. A schema that contains itself may describe more.
fn check_depth(depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return out_of_range(format!("it nests deeper than {MAX_DEPTH} levels"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
