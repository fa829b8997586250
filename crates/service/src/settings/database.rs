//! Where PostgreSQL is.

use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{Invalid, secret};

#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// PostgreSQL, as postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require; without it database food_orders at
    /// localhost:5432, with the user that docker-compose.yml makes
    #[arg(
        long, env = "DATABASE_URL", value_name = "URL", value_parser = secret, hide_env_values = true, hide_default_value = true,
        default_value = "postgres://kafka_user:kafka_password@localhost:5432/food_orders"
    )]
    pub database_url: SecretString,

    /// PEM file with the certificate that signed PostgreSQL's, to trust beside the system's own
    #[arg(long, env = "DATABASE_SSL_ROOT_CERT", value_name = "FILE")]
    pub database_ssl_root_cert: Option<PathBuf>,
}

/// A URL of PostgreSQL's scheme; whether it can be parsed further, the driver says.
#[derive(Clone, Debug)]
pub struct Database {
    pub url: SecretString,
    root_certificate: Option<PathBuf>,
}

impl DatabaseArgs {
    pub fn validate(&self) -> Result<Database, Invalid> {
        let url = self.database_url.expose_secret().trim();
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(Invalid::new(
                "DATABASE_URL",
                "is not of the form postgres://USER:PASSWORD@HOST:PORT/NAME",
            ));
        }
        let root_certificate = self.database_ssl_root_cert.clone().filter(|path| path.as_os_str() != "");
        Ok(Database { url: SecretString::from(url), root_certificate })
    }
}

impl Database {
    #[must_use]
    pub fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }

    /// The PEM file's bytes, where one is set.
    pub fn read_root_certificate(&self) -> Result<Option<Vec<u8>>, Invalid> {
        let Some(path) = &self.root_certificate else { return Ok(None) };
        std::fs::read(path).map(Some).map_err(|error| {
            Invalid::new("DATABASE_SSL_ROOT_CERT", format!("cannot be read: {}: {error}", path.display()))
        })
    }
}
