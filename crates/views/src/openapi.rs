//! How the names of views look in an OpenAPI document. Only the feature `openapi` compiles this.

use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// For `#[schema(schema_with = …)]` on a member that names a view.
#[must_use]
pub fn view_name() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([crate::ORDERS]))
        .description(Some("The name of a view."))
        .build()
}
