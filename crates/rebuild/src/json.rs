//! Converts plan, progress and differences to and from the JSON columns of table `rebuilds`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[expect(
    clippy::expect_used,
    reason = "these types hold numbers, texts and lists, all of which JSON can express"
)]
pub(crate) fn to_json(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("a document without maps has a JSON form")
}

/// `None` if the column is null, or if another version wrote it in another form.
pub(crate) fn from_json<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    serde_json::from_value(value?).ok()
}
