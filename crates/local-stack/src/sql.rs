//! A plain PostgreSQL client, for tests and measurements that look at the tables from outside.

use native_tls::TlsConnector;
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{Client, Config};

use crate::error::{Error, Result};

/// Connects to the database of a URL; the connection ends with the client. `root_certificate` is a
/// PEM file to trust beside the system's.
pub async fn sql_client(database_url: &str, root_certificate: Option<&[u8]>) -> Result<Client> {
    let failed = |source| Error::Database { what: "connecting to PostgreSQL".to_owned(), source };
    let config: Config = database_url.parse().map_err(failed)?;
    let mut tls = TlsConnector::builder();
    if let Some(pem) = root_certificate {
        tls.add_root_certificate(native_tls::Certificate::from_pem(pem).map_err(tls_failed)?);
    }
    let tls = MakeTlsConnector::new(tls.build().map_err(tls_failed)?);
    let (client, connection) = config.connect(tls).await.map_err(failed)?;
    // An error of the connection is reported by the client's next call.
    tokio::spawn(connection);
    Ok(client)
}

fn tls_failed(cause: native_tls::Error) -> Error {
    Error::Usage(format!("TLS for the connection to PostgreSQL cannot be set up: {cause}"))
}
