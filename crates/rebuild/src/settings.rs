//! What a rebuild needs to know.

use event_log::KafkaSettings;
use schema_registry::SchemaLookup;
use views::apply::Codec;
use views::rebuild::SwitchMode;
use views::{Database, Parts};

#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    pub kafka: KafkaSettings,
    /// Must be that of the consumers: it decides which records become dead letters.
    pub codec: Codec,
    /// Adds to the schemas of `codec`.
    pub schemas: SchemaLookup,
    /// Names this process to operators, such as `api` or `replay-rebuild`.
    pub process: String,
}

/// Which view to rebuild, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub view: String,
    /// Whether to switch to the new build at once.
    pub switch: SwitchMode,
    /// Why records that the log no longer holds are taken over from the live build; `None`: they are not, and a
    /// log that has lost records is refused.
    pub keep_history: Option<String>,
    /// Into how many parts to divide the new tables; `None`: as many as the live ones.
    pub parts: Option<Parts>,
}

impl Default for Request {
    fn default() -> Self {
        Self { view: views::ORDERS.to_owned(), switch: SwitchMode::Auto, keep_history: None, parts: None }
    }
}
