//! Compares a JSON value with a schema of the document, in both directions: every member of the value must be in
//! the schema, and every required member of the schema in the value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Keywords that say nothing about which values are valid.
const ANNOTATIONS: [&str; 5] = ["description", "example", "examples", "default", "title"];

/// What a comparison met.
#[derive(Default)]
pub struct Met {
    /// Members of objects that were compared with their schema.
    pub members: usize,
    /// `SCHEMA.MEMBER`, for members of named schemas.
    pub named: BTreeSet<String>,
}

pub struct Schemas<'d>(pub &'d Value);

impl<'d> Schemas<'d> {
    /// `name` is that of the nearest named schema around.
    pub fn compare(&self, schema: &'d Value, value: &Value, name: &str, met: &mut Met) -> Result<(), String> {
        let schema = schema.as_object().ok_or("a schema that is not an object")?;
        let mut is_object = false;
        for (keyword, limit) in schema {
            let fits = match keyword.as_str() {
                "$ref" => {
                    let (name, schema) = self.resolve(limit);
                    self.compare(schema, value, name, met)?;
                    true
                }
                "oneOf" => {
                    self.one_of(limit, value, name, met)?;
                    true
                }
                "allOf" | "properties" | "additionalProperties" => {
                    is_object = true;
                    true
                }
                // For an object, they are compared together with `properties`.
                "required" | "propertyNames" => true,
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.compare(limit, item, name, met)?;
                    }
                    true
                }
                "type" => match limit {
                    Value::Array(types) => types.iter().any(|one| has_type(value, one)),
                    one => has_type(value, one),
                },
                _ if value.is_null() => true,
                "enum" => limit.as_array().unwrap().contains(value),
                "pattern" => {
                    let pattern = regex::Regex::new(limit.as_str().unwrap()).unwrap();
                    pattern.is_match(value.as_str().unwrap_or_default())
                }
                "format" => has_format(value, limit.as_str().unwrap()),
                "minimum" => value.as_f64() >= limit.as_f64(),
                "maximum" => value.as_f64() <= limit.as_f64(),
                "minLength" => chars(value) >= limit.as_u64().unwrap(),
                "maxLength" => chars(value) <= limit.as_u64().unwrap(),
                annotation if ANNOTATIONS.contains(&annotation) => true,
                other => return Err(format!("{name}: the keyword {other} is not compared")),
            };
            if !fits {
                return Err(format!("{name}: {value} does not fit {keyword} {limit}"));
            }
        }
        match (is_object, value) {
            (true, Value::Object(members)) => self.object(schema, members, name, met),
            _ => Ok(()),
        }
    }

    fn one_of(&self, branches: &'d Value, value: &Value, name: &str, met: &mut Met) -> Result<(), String> {
        let mut fitting = Vec::new();
        let mut errors = Vec::new();
        for branch in branches.as_array().unwrap() {
            let mut of_branch = Met::default();
            match self.compare(branch, value, name, &mut of_branch) {
                Ok(()) => fitting.push(of_branch),
                Err(error) => errors.push(error),
            }
        }
        let count = fitting.len();
        let Some(only) = fitting.pop().filter(|_| count == 1) else {
            return Err(format!("{name}: {value} fits {count} branches, not one: {}", errors.join(" / ")));
        };
        met.members += only.members;
        met.named.extend(only.named);
        Ok(())
    }

    fn object(
        &self,
        schema: &'d Map<String, Value>,
        members: &Map<String, Value>,
        name: &str,
        met: &mut Met,
    ) -> Result<(), String> {
        let shape = self.shape(schema, name);
        for required in &shape.required {
            if !members.contains_key(*required) {
                return Err(format!("{name}: the required member {required} is missing"));
            }
        }
        for (member, value) in members {
            met.members += 1;
            match (shape.properties.get(member.as_str()), shape.additional) {
                (Some((owner, schema)), _) => {
                    met.named.insert(format!("{owner}.{member}"));
                    self.compare(schema, value, owner, met)
                        .map_err(|error| format!("{owner}.{member}: {error}"))?;
                }
                (None, Some(schema @ Value::Object(_))) => self.compare(schema, value, name, met)?,
                (None, _) => return Err(format!("{name}: the member {member} is not in the schema")),
            }
        }
        Ok(())
    }

    /// The members that an object may have, those of its `allOf` included.
    fn shape<'n>(&self, schema: &'d Map<String, Value>, name: &'n str) -> Shape<'d, 'n>
    where
        'd: 'n,
    {
        let mut shape = Shape::default();
        for (member, of_member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            shape.properties.insert(member, (name, of_member));
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        shape.required.extend(required.filter_map(Value::as_str));
        shape.additional = schema.get("additionalProperties");
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let (name, part) = match part.get("$ref") {
                Some(reference) => self.resolve(reference),
                None => (name, part),
            };
            let part = self.shape(part.as_object().unwrap(), name);
            shape.properties.extend(part.properties);
            shape.required.extend(part.required);
        }
        shape
    }

    fn resolve(&self, reference: &'d Value) -> (&'d str, &'d Value) {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        let name = pointer.rsplit('/').next().unwrap();
        (name, self.0.pointer(pointer).unwrap_or_else(|| panic!("{pointer} does not resolve")))
    }

    /// `SCHEMA.MEMBER` of everything that is reachable from a schema.
    pub fn members(&self, schema: &'d Value, name: &str, all: &mut BTreeSet<String>) {
        let Some(schema) = schema.as_object() else { return };
        if let Some(reference) = schema.get("$ref") {
            let (name, schema) = self.resolve(reference);
            return self.members(schema, name, all);
        }
        let shape = self.shape(schema, name);
        for (member, (owner, of_member)) in shape.properties {
            if all.insert(format!("{owner}.{member}")) {
                self.members(of_member, owner, all);
            }
        }
        for part in ["items", "additionalProperties"].into_iter().filter_map(|part| schema.get(part)) {
            self.members(part, name, all);
        }
        for branch in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            self.members(branch, name, all);
        }
    }
}

#[derive(Default)]
struct Shape<'d, 'n> {
    /// Each member with the name of the schema that has it, and its own schema.
    properties: BTreeMap<&'d str, (&'n str, &'d Value)>,
    required: BTreeSet<&'d str>,
    additional: Option<&'d Value>,
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is not a type of JSON"),
    }
}

fn has_format(value: &Value, format: &str) -> bool {
    match format {
        "date-time" => value.as_str().unwrap_or_default().parse::<orders::Time>().is_ok(),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.is_i64() || value.is_u64(),
        "double" => value.is_number(),
        other => panic!("the format {other} is not compared"),
    }
}

fn chars(value: &Value) -> u64 {
    value.as_str().unwrap_or_default().chars().count() as u64
}
