//! The problems of a route, for `responses(…)` of its description.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::marker::PhantomData;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use super::{Body, Kind};

/// Kinds of problems that go together.
pub trait ProblemSet {
    const KINDS: &'static [Kind];
}

/// Describes the problems of a set.
pub struct Problems<S>(PhantomData<S>);

/// What any route may answer.
pub enum AnyRequest {}

impl ProblemSet for AnyRequest {
    const KINDS: &'static [Kind] =
        &[Kind::BadRequest, Kind::MethodNotAllowed, Kind::Internal, Kind::Unavailable];
}

/// What a route that waits for `after` may answer.
pub enum Waiting {}

impl ProblemSet for Waiting {
    const KINDS: &'static [Kind] = &[Kind::NotAppliedYet];
}

/// What a route that takes a cut may answer.
pub enum AsOf {}

impl ProblemSet for AsOf {
    const KINDS: &'static [Kind] = &[Kind::CutAhead, Kind::DecisionAhead, Kind::ProjectionGone];
}

/// What a route whose path names something may answer.
pub enum Named {}

impl ProblemSet for Named {
    const KINDS: &'static [Kind] = &[Kind::NotFound];
}

/// What a route that looks at the admin token may answer.
pub enum Guarded {}

impl ProblemSet for Guarded {
    const KINDS: &'static [Kind] = &[Kind::Unauthorized, Kind::Forbidden];
}

/// What a route that takes a body may answer.
pub enum WithBody {}

impl ProblemSet for WithBody {
    const KINDS: &'static [Kind] = &[Kind::RequestTimeout, Kind::BodyTooLarge, Kind::UnsupportedMediaType];
}

impl<S: ProblemSet> IntoResponses for Problems<S> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut by_status: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for kind in S::KINDS {
            by_status.entry(kind.status().as_str().to_owned()).or_default().push(*kind);
        }
        by_status.into_iter().map(|(status, kinds)| (status, response(&kinds).into())).collect()
    }
}

/// The response of one status, which several kinds may share.
fn response(kinds: &[Kind]) -> Response {
    let mut description = String::new();
    for kind in kinds {
        let space = if description.is_empty() { "" } else { " " };
        // Writing to a String does not fail.
        let _ = write!(description, "{space}`{}`: {}.", kind.slug(), kind.title());
    }
    let schema = Ref::from_schema_name(Body::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response =
        ResponseBuilder::new().description(description).content("application/problem+json", content);
    for (name, description) in kinds.iter().filter_map(|kind| kind.header()) {
        let schema = Object::with_type(Type::String);
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        response = response.header(name, header);
    }
    response.build()
}
