//! The API's flags, and the settings that they become.

use std::net::SocketAddr;

use clap::Parser;
use event_log::{GroupArgs, KafkaArgs, KafkaSettings};
use secrecy::{ExposeSecret, SecretString};
use service::settings::{Invalid, ShellArgs, parse_listen, secret, whole_number};
use views::apply::Codec;
use views::{Database, DatabaseArgs};

/// Serves the orders over HTTP, as they are now and as they were; dead letters and rebuilds as well.
#[derive(Debug, Parser)]
#[command(name = "api", version)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "API_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub api_listen: String,

    /// Token that POST requests, and reads of dead letters' payloads, must send as `Authorization: Bearer TOKEN`;
    /// without it, every POST is answered with 403
    #[arg(long, env = "API_ADMIN_TOKEN", value_name = "TOKEN", value_parser = secret, hide_env_values = true)]
    pub api_admin_token: Option<SecretString>,

    /// Database connections for reads, 1 to 500; while all are busy, a request waits for up to a second and is then
    /// answered with 503
    #[arg(long, env = "API_DATABASE_CONNECTIONS", value_name = "NUMBER", default_value = "8")]
    pub api_database_connections: String,

    /// Largest record in bytes, its key and headers included, for rebuilds and retries: the same as the consumers', or
    /// more, to retry what they refused
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    pub max_record_bytes: String,

    #[command(flatten)]
    pub database: DatabaseArgs,

    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub group: GroupArgs,

    #[command(flatten)]
    pub shell: ShellArgs,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Never empty.
    pub admin_token: Option<SecretString>,
    pub connections: usize,
    pub codec: Codec,
    pub database: Database,
    pub kafka: KafkaSettings,
}

impl Args {
    pub fn validate(&self) -> Result<Settings, Invalid> {
        let connections = whole_number("API_DATABASE_CONNECTIONS", &self.api_database_connections, 1, 500)?;
        let kafka = self.kafka.validate()?.of_group(&self.group.validate()?);
        Ok(Settings {
            listen: parse_listen("API_LISTEN", &self.api_listen)?,
            admin_token: check_token(self.api_admin_token.as_ref())?,
            connections: connections as usize,
            codec: Codec::validate(&kafka.topic, &self.max_record_bytes)?,
            database: self.database.validate()?,
            kafka,
        })
    }
}

/// A token that a header can carry.
fn check_token(token: Option<&SecretString>) -> Result<Option<SecretString>, Invalid> {
    let Some(token) = token.map(|token| token.expose_secret().trim()).filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::new("API_ADMIN_TOKEN", "contains a character that is not visible ASCII"));
    }
    Ok(Some(SecretString::from(token)))
}
