//! Schemas of a schema registry that speaks Confluent's API, such as Apicurio Registry: asks for those that records were
//! written with, and registers those of the producer. The only crate that talks to a registry.

mod args;
mod error;
mod lookup;
mod registry;

pub use args::SchemaRegistryArgs;
pub use error::{Error, Result};
pub use lookup::SchemaLookup;
pub use registry::SchemaRegistry;
