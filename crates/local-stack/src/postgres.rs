//! A real PostgreSQL on 127.0.0.1 only: user `kafka_user`, password `kafka_password`, database `food_orders`.

mod cluster;
mod data_folder;
mod initdb;
mod options;

use crate::account::Account;
use crate::downloads::Downloads;
use crate::error::Result;
use crate::ports;
use crate::postgres_bin::PgBin;
use crate::server::{Server, delegate_to_server};

use cluster::Cluster;
pub use options::PostgresOptions;

const NAME: &str = "PostgreSQL";

/// The superuser, its password and the database: the same as in docker-compose.yml.
pub const USER: &str = "kafka_user";
pub const PASSWORD: &str = "kafka_password";
pub const DATABASE: &str = "food_orders";

/// A running PostgreSQL. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    port: u16,
    version: String,
}

impl Postgres {
    /// Starts PostgreSQL and returns when it accepts connections. The first start in a data folder creates
    /// the cluster, which takes a second.
    pub fn start(downloads: &Downloads, options: &PostgresOptions) -> Result<Self> {
        let account = Account::for_postgres()?;
        let bin = &downloads.postgres;
        data_folder::prepare(&account, &options.data_dir)?;
        let data = options.data_dir.join("data");
        if data.exists() {
            data_folder::check(&account, bin, &data)?;
        } else {
            initdb::create_cluster(&account, bin, &options.data_dir, &data)?;
        }
        ports::start_on(NAME, options.port, options.port_setting, |port| {
            Self::start_on(&account, bin, options, port)
        })
    }

    fn start_on(account: &Account, bin: &PgBin, options: &PostgresOptions, port: u16) -> Result<Self> {
        let cluster = Cluster::new(account, bin, options, port);
        Ok(Self {
            server: Server::start(Box::new(cluster), &options.data_dir)?,
            port,
            version: bin.version().to_owned(),
        })
    }

    /// The URL of the database `food_orders`, with user and password. The user is a superuser.
    pub fn url(&self) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The port that PostgreSQL listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Such as `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    delegate_to_server!();
}
