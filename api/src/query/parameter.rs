//! A query parameter: one list serves the parser and the OpenAPI document.

use std::marker::PhantomData;

use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, Schema, path};
use utoipa::{IntoParams, PartialSchema};

/// A parameter that a route takes. All of them may be left out unless the route says otherwise.
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    /// For the document.
    pub about: &'static str,
    /// For the document: which values are valid.
    pub schema: fn() -> RefOr<Schema>,
}

/// Parameters that go together.
pub trait ParameterSet {
    const ALL: &'static [Parameter];
    /// Those of them that must be given.
    const REQUIRED: &'static [&'static str] = &[];
}

/// Describes the parameters of a set, for `params(…)` of a route.
pub struct InQuery<S>(PhantomData<S>);

impl<S: ParameterSet> IntoParams for InQuery<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<path::Parameter> {
        let describe = |parameter: &Parameter| {
            let required =
                if S::REQUIRED.contains(&parameter.name) { Required::True } else { Required::False };
            ParameterBuilder::new()
                .name(parameter.name)
                .parameter_in(ParameterIn::Query)
                .required(required)
                .description(Some(parameter.about))
                .schema(Some((parameter.schema)()))
                .build()
        };
        S::ALL.iter().map(describe).collect()
    }
}

/// The schema of a type.
pub fn schema_of<T: PartialSchema>() -> RefOr<Schema> {
    T::schema()
}

/// The schema of any text.
pub fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

/// The schema of one of these words; the first is the default.
pub fn words<const N: usize>(words: [&'static str; N]) -> RefOr<Schema> {
    let default = words.first().map(|word| (*word).into());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).default(default).build().into()
}

/// The schema of a whole number within bounds, both included.
pub fn integer(minimum: i64, maximum: Option<i64>, default: Option<i64>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(minimum))
        .maximum(maximum)
        .default(default.map(Into::into))
        .build()
        .into()
}
