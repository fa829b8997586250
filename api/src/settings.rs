//! The API's flags, and the settings that they become.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use event_log::{GroupArgs, KafkaArgs, KafkaSettings};
use schema_registry::{SchemaRegistry, SchemaRegistryArgs};
use secrecy::{ExposeSecret, SecretString};
use service::settings::{Invalid, ShellArgs, parse_listen, secret, whole_number};
use tokio_native_tls::TlsAcceptor;
use tower_http::cors::CorsLayer;
use views::apply::Codec;
use views::{Database, DatabaseArgs};

use crate::auth::Tokens;
use crate::{cors, tls};

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

    /// Token that all reads except the probes must send in the same way; the admin token is accepted, too. Without
    /// it, everyone who reaches the address may read
    #[arg(long, env = "API_READ_TOKEN", value_name = "TOKEN", value_parser = secret, hide_env_values = true)]
    pub api_read_token: Option<SecretString>,

    /// Origins of the web pages that may call the API from a browser, such as https://shop.example, separated by commas;
    /// *: all pages
    #[arg(long, env = "API_CORS_ORIGINS", value_name = "ORIGINS")]
    pub api_cors_origins: Option<String>,

    /// PEM file with the certificate of this server, followed by those that vouch for it; with it and its key, the API
    /// speaks HTTPS only
    #[arg(long, env = "API_TLS_CERTIFICATE", value_name = "FILE")]
    pub api_tls_certificate: Option<PathBuf>,

    /// PEM file with the key of that certificate, in PKCS #8 form and not encrypted
    #[arg(long, env = "API_TLS_KEY", value_name = "FILE")]
    pub api_tls_key: Option<PathBuf>,

    /// Database connections for reads, 1 to 500, half of them for reads that may take long, such as lists; while all are
    /// busy, a request waits for up to a second and is then answered with 503
    #[arg(long, env = "API_DATABASE_CONNECTIONS", value_name = "NUMBER", default_value = "8")]
    pub api_database_connections: String,

    /// Largest record in bytes, its key and headers included, for rebuilds and retries: the same as the consumers', or
    /// more, to retry what they refused
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    pub max_record_bytes: String,

    #[command(flatten)]
    pub database: DatabaseArgs,

    #[command(flatten)]
    pub schema_registry: SchemaRegistryArgs,

    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub group: GroupArgs,

    #[command(flatten)]
    pub shell: ShellArgs,
}

#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub tokens: Tokens,
    pub cors: Option<CorsLayer>,
    pub tls: Option<TlsAcceptor>,
    pub connections: usize,
    pub codec: Codec,
    pub database: Database,
    pub kafka: KafkaSettings,
    pub registry: Option<SchemaRegistry>,
}

impl Args {
    pub fn validate(&self) -> Result<Settings, Invalid> {
        let connections = whole_number("API_DATABASE_CONNECTIONS", &self.api_database_connections, 1, 500)?;
        let kafka = self.kafka.validate()?.of_group(&self.group.validate()?);
        Ok(Settings {
            listen: parse_listen("API_LISTEN", &self.api_listen)?,
            tokens: self.tokens()?,
            cors: cors::layer(self.api_cors_origins.as_deref())?,
            tls: tls::acceptor(self.api_tls_certificate.as_deref(), self.api_tls_key.as_deref())?,
            connections: connections as usize,
            codec: Codec::validate(&kafka.topic, &self.max_record_bytes)?,
            database: self.database.validate()?,
            kafka,
            registry: self.schema_registry.validate()?,
        })
    }
}

impl Args {
    fn tokens(&self) -> Result<Tokens, Invalid> {
        let admin = check_token("API_ADMIN_TOKEN", self.api_admin_token.as_ref())?;
        let read = check_token("API_READ_TOKEN", self.api_read_token.as_ref())?;
        let are_equal = admin.as_ref().zip(read.as_ref());
        if are_equal.is_some_and(|(admin, read)| admin.expose_secret() == read.expose_secret()) {
            return Err(Invalid::new(
                "API_READ_TOKEN",
                "is the same as API_ADMIN_TOKEN, so readers could change everything",
            ));
        }
        Ok(Tokens { admin, read })
    }
}

/// A token that a header can carry. An empty one is none.
fn check_token(setting: &'static str, token: Option<&SecretString>) -> Result<Option<SecretString>, Invalid> {
    let Some(token) = token.map(|token| token.expose_secret().trim()).filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::new(setting, "contains a character that is not visible ASCII"));
    }
    Ok(Some(SecretString::from(token)))
}
