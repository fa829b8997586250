//! What is logged, and in which form.

use clap::Args;

use super::Invalid;

#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What to log: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: String,

    /// A tracing filter such as info,views=debug, instead of the level
    #[arg(long, env = "RUST_LOG", value_name = "FILTER")]
    pub log_filter: Option<String>,

    /// Form of the log: text, or json (one object per line)
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// In the syntax of tracing's `EnvFilter`.
    pub filter: String,
    pub format: Format,
}

impl LogArgs {
    pub fn validate(&self) -> Result<Log, Invalid> {
        let level = self.log_level.trim().to_ascii_lowercase();
        if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
            let reason = format!("is {:?}; it must be error, warn, info, debug or trace", self.log_level);
            return Err(Invalid::new("LOG_LEVEL", reason));
        }
        let format = match self.log_format.trim().to_ascii_lowercase().as_str() {
            "text" => Format::Text,
            "json" => Format::Json,
            _ => {
                return Err(Invalid::new(
                    "LOG_FORMAT",
                    format!("is {:?}; it must be text or json", self.log_format),
                ));
            }
        };
        let filter = match self.log_filter.as_deref().filter(|filter| !filter.trim().is_empty()) {
            Some(filter) => filter.to_owned(),
            None => quiet_libraries(&level),
        };
        Ok(Log { filter, format })
    }
}

/// These libraries repeat what our own log lines say, or warn of what is not a problem: migrations, notices,
/// connections that a pool found dead and replaced.
const LIBRARIES: &str = "refinery_core=warn,tokio_postgres=warn,deadpool=error";

/// `debug` and `trace` apply to our own code only: libraries log every packet at these levels.
fn quiet_libraries(level: &str) -> String {
    match level {
        "debug" | "trace" => format!(
            "info,{LIBRARIES},{}",
            [
                "orders",
                "event_log",
                "views",
                "rebuild",
                "dead_letters",
                "retry",
                "service",
                "producer",
                "consumer",
                "api",
                "replay_rebuild",
                "stock_ticks",
                "bank_app"
            ]
            .map(|target| format!("{target}={level}"))
            .join(",")
        ),
        "error" => level.to_owned(),
        level => format!("{level},{LIBRARIES}"),
    }
}
