//! What a rebuild needs to know.

use event_log::KafkaSettings;
use views::Database;
use views::apply::Codec;
use views::rebuild::SwitchMode;

#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    pub kafka: KafkaSettings,
    /// Must be that of the consumers: it decides which records become dead letters.
    pub codec: Codec,
    /// Names this process to operators, such as `api` or `replay-rebuild`.
    pub process: String,
}

/// Which view to rebuild, and whether to switch to the new build at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub view: String,
    pub switch: SwitchMode,
}

impl Default for Request {
    fn default() -> Self {
        Self { view: views::ORDERS.to_owned(), switch: SwitchMode::Auto }
    }
}
