//! Where the database is. All sessions are opened here, single ones and those of a pool.

mod check;
mod hosts;
mod tls;
mod url;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{
    BuildError, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime,
};
use secrecy::{ExposeSecret, SecretString};
use settings::Invalid;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Config};

use self::hosts::{HOST_LIMIT, Hosts, Opened};
use self::url::DatabaseUrl;
use crate::error::{Error, Result};
use crate::session::{Session, SessionKind};

/// Where the database is, and how to connect to it. Its password is never printed.
#[derive(Clone)]
pub struct Database {
    config: Config,
    hosts: Hosts,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.config.get_user().unwrap_or("?");
        let hosts = self.config.get_hosts().iter().enumerate().map(|(index, host)| {
            let host = match host {
                Host::Tcp(host) => host,
                Host::Unix(_) => "(socket)",
            };
            // One port serves all hosts.
            let ports = self.config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            format!("{host}:{port}")
        });
        write!(f, "{user}@{}/{}", hosts.collect::<Vec<_>>().join(","), self.name())
    }
}

impl Database {
    /// Reads a URL such as `postgres://user:password@host:5432/name?sslmode=require`, and the files that it may name.
    /// `root_certificates` is the text of a PEM file, whose certificates are trusted in addition to the system's.
    pub fn parse(url: &SecretString, root_certificates: Option<&[u8]>) -> Result<Self, Invalid> {
        let invalid = |reason: String| Invalid::new("DATABASE_URL", reason);
        let parsed = DatabaseUrl::parse(url.expose_secret()).map_err(invalid)?;
        let mut roots = Vec::new();
        if let Some(pem) = root_certificates {
            let not_read = |reason| Invalid::new("DATABASE_SSL_ROOT_CERT", reason);
            roots.extend(tls::certificates(pem).map_err(not_read)?);
        }
        let read = |word: &str, path: &str| {
            std::fs::read(path)
                .map_err(|error| invalid(format!("names the {word} {path}, which cannot be read: {error}")))
        };
        if let Some(path) = parsed.root_certificate {
            let pem = read("sslrootcert", &path)?;
            let not_read = |reason| invalid(format!("names the sslrootcert {path}, which {reason}"));
            roots.extend(tls::certificates(&pem).map_err(not_read)?);
        }
        let identity = match (parsed.certificate, parsed.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (read("sslcert", &certificate)?, read("sslkey", &key)?);
                Some(tls::identity(&certificate, &key).map_err(|error| invalid(format!("names {error}")))?)
            }
            _ => return Err(invalid("names only one of sslcert and sslkey, which need each other".into())),
        };
        if !parsed.without_effect.is_empty() {
            let words = parsed.without_effect.join(", ");
            tracing::warn!("DATABASE_URL: the programs keep their own values of {words}");
        }
        let mut config = parsed.config;
        let host_limit = parsed.host_limit.unwrap_or(HOST_LIMIT);
        // A server that went away without a word is noticed within about 15 s, idle or not.
        config
            .connect_timeout(host_limit)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(5)
            .tcp_user_timeout(Duration::from_secs(15));
        // Our programs write, and if there are several hosts, all but one may be standbys.
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = tls::connector(parsed.verification, roots, identity)
            .map_err(|error| invalid(format!("cannot be used, because TLS cannot be set up: {error}")))?;
        Ok(Self { config, hosts: Hosts::new(tls, host_limit) })
    }

    /// Opens a session; `name` is what `pg_stat_activity` shows.
    pub async fn session(&self, name: &str, kind: SessionKind) -> Result<Session> {
        let config = self.config_for(name, kind);
        let limit = self.connect_limit();
        let (client, _) = match tokio::time::timeout(limit, self.hosts.connect(&config)).await {
            Ok(opened) => opened.map_err(|cause| self.refused(cause))?,
            Err(_) => return Err(Error::NoAnswer { database: self.to_string(), seconds: limit.as_secs() }),
        };
        check::check(&client).await?;
        Ok(Session { client })
    }

    /// The longest that connecting may take, over all hosts.
    fn connect_limit(&self) -> Duration {
        self.hosts.limit() * (self.config.get_hosts().len() as u32 + 1)
    }

    /// Why there is no connection.
    fn refused(&self, cause: tokio_postgres::Error) -> Error {
        match cause.as_db_error() {
            // A pooler refuses start-up options as a violation of the protocol.
            Some(error) if *error.code() == SqlState::PROTOCOL_VIOLATION => {
                Error::Pooler { cause: error.message().to_owned() }
            }
            Some(error) if *error.code() == SqlState::INVALID_CATALOG_NAME => {
                Error::NoDatabase { database: self.to_string(), name: self.name().to_owned() }
            }
            _ => Error::Connect { database: self.to_string(), cause },
        }
    }

    /// The name of the database.
    fn name(&self) -> &str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or("?")
    }

    /// Asks the server to cancel the query that a session runs.
    pub(crate) async fn cancel(&self, token: &CancelToken) -> Result<()> {
        token.cancel_query(self.hosts.tls()).await.map_err(Error::during("cancelling a query"))
    }

    /// Every connection is opened with this configuration.
    fn config_for(&self, name: &str, kind: SessionKind) -> Config {
        let mut config = self.config.clone();
        config.application_name(name);
        // After the options of the URL: of the same setting, the last one counts.
        let given = config.get_options().unwrap_or_default().to_owned();
        config.options(given + &kind.options());
        config
    }

    /// A pool for many short reads; `wait` bounds the time to get a connection.
    pub(crate) fn pool(&self, name: &str, kind: SessionKind, size: usize, wait: Duration) -> Result<Pool> {
        let manager = Manager::from_connect(
            self.config_for(name, kind),
            Connector(self.hosts.clone()),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(wait))
            .create_timeout(Some(self.connect_limit()))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    check::check(client).await.map_err(|error| HookError::message(error.to_string()))
                })
            }))
            .build()
            // The only reason there is, and a runtime is named above.
            .map_err(|BuildError::NoRuntimeSpecified| Error::Pool {
                attempt: "making the connection pool",
                cause: PoolError::NoRuntimeSpecified,
            })
    }
}

/// Opens the connections of a pool.
struct Connector(Hosts);

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<Opened, tokio_postgres::Error>> + Send + '_>> {
        let config = config.clone();
        Box::pin(async move { self.0.connect(&config).await })
    }
}

#[cfg(test)]
mod tests;
