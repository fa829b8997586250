//! The flags of replay-rebuild, and the settings that they become.

use clap::{Parser, ValueEnum};
use event_log::{GroupArgs, KafkaArgs};
use rebuild::{Request, Settings, SwitchMode};
use schema_registry::{SchemaLookup, SchemaRegistryArgs};
use service::settings::{Invalid, ShellArgs};
use views::apply::Codec;
use views::{DatabaseArgs, Parts};

/// Rebuilds the tables from offset 0 of the topic, beside those that serve, verifies
/// them against the log and switches to them in one transaction.
///
/// Consumers and the API keep working meanwhile. Ctrl-C cancels the rebuild and drops its
/// tables; the next start continues a rebuild whose process was killed.
///
/// Exit codes: 0 done, 2 usage, 3 the log is another one, has lost records or is damaged, 7 the
/// new tables differ from the log and were not switched to, 8 cancelled by another process, 130
/// and 143 cancelled by SIGINT and SIGTERM, 1 anything else.
#[derive(Parser, Debug)]
#[command(name = "replay-rebuild", version)]
pub struct Args {
    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub group: GroupArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub schema_registry: SchemaRegistryArgs,
    #[command(flatten)]
    pub shell: ShellArgs,

    /// Only print what a rebuild would take, and whether it is possible
    #[arg(long)]
    pub dry_run: bool,

    /// auto: switch to the new tables once they are verified. manual: keep them ready; a
    /// later start without this flag verifies them again and switches
    #[arg(long, value_name = "auto|manual", default_value = "auto")]
    pub switch: Switch,

    /// Rebuild although the log has lost records that the live tables have applied, such as by compaction or retention,
    /// and take over those records from the live tables. REASON is recorded as a decision. Without this flag such a log is
    /// refused
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub keep_history: Option<String>,

    /// Divide the new tables of the orders and of their records into N parts by the hash of the order id, for histories of
    /// terabytes (1 to 32; 1: do not divide them). Without this flag, as many parts as the live tables have
    #[arg(long, value_name = "N")]
    pub parts: Option<Parts>,

    /// View to rebuild
    #[arg(long, value_name = "VIEW", default_value = "orders", value_parser = ["orders"])]
    pub view: String,

    /// Cancel the rebuild that is not finished, whichever process drives it, and drop its tables
    #[arg(long, conflicts_with_all = ["dry_run", "switch", "keep_history", "parts"])]
    pub cancel: bool,

    /// Print the result as one JSON object; progress and messages go to standard error
    #[arg(long)]
    pub json: bool,

    /// Largest record in bytes, its key and headers included; a larger one becomes a dead letter. Must be the same as
    /// the consumers' value
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    pub max_record_bytes: String,
}

/// As for other decisions.
const MAX_REASON_CHARS: usize = 1000;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Switch {
    Auto,
    Manual,
}

fn reason(text: &str) -> Result<String, String> {
    let reason = text.trim();
    match reason.chars().count() {
        1..=MAX_REASON_CHARS => Ok(reason.to_owned()),
        chars => Err(format!("a reason has 1 to {MAX_REASON_CHARS} characters, not {chars}")),
    }
}

impl Args {
    pub fn validate(&self) -> Result<(Settings, Request), Invalid> {
        let kafka = self.kafka.validate()?.of_group(&self.group.validate()?);
        let database = self.database.validate()?;
        let codec = Codec::validate(&kafka.topic, &self.max_record_bytes)?;
        let settings = Settings {
            schemas: SchemaLookup::new(&codec.schemas, &database, self.schema_registry.validate()?),
            database,
            codec,
            kafka,
            process: "replay-rebuild".into(),
        };
        let switch = match self.switch {
            Switch::Auto => SwitchMode::Auto,
            Switch::Manual => SwitchMode::Manual,
        };
        let keep_history = self.keep_history.clone();
        Ok((settings, Request { view: self.view.clone(), switch, keep_history, parts: self.parts }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_well_formed() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn cancel_stands_alone() {
        assert!(Args::try_parse_from(["replay-rebuild", "--cancel", "--dry-run"]).is_err());
        assert!(Args::try_parse_from(["replay-rebuild", "--cancel"]).is_ok());
        assert!(Args::try_parse_from(["replay-rebuild", "--cancel", "--keep-history", "why"]).is_err());
        assert!(Args::try_parse_from(["replay-rebuild", "--view", "riders"]).is_err());
    }

    #[test]
    fn the_number_of_parts_has_bounds() {
        assert!(Args::try_parse_from(["replay-rebuild", "--parts", "16"]).is_ok());
        for wrong in ["0", "33", "-1", "many"] {
            assert!(Args::try_parse_from(["replay-rebuild", "--parts", wrong]).is_err(), "{wrong}");
        }
        assert!(Args::try_parse_from(["replay-rebuild", "--cancel", "--parts", "2"]).is_err());
    }

    #[test]
    fn history_is_kept_for_a_reason() {
        assert!(Args::try_parse_from(["replay-rebuild", "--keep-history", "compacted in May"]).is_ok());
        assert!(Args::try_parse_from(["replay-rebuild", "--keep-history", " "]).is_err());
        assert!(Args::try_parse_from(["replay-rebuild", "--keep-history", &"x".repeat(1001)]).is_err());
        assert!(Args::try_parse_from(["replay-rebuild", "--keep-history"]).is_err());
    }
}
