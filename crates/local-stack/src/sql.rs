//! A plain PostgreSQL client, for tests and measurements that read the tables from outside.

use native_tls::TlsConnector;
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{Client, Config};

use crate::error::{Error, Result};

/// Connects to the database of a URL. The connection ends with the client. `root_certificate` has the bytes of
/// a PEM file with a certificate to trust in addition to those of the system.
pub async fn sql_client(database_url: &str, root_certificate: Option<&[u8]>) -> Result<Client> {
    let failed = |cause| Error::Database { attempt: "connecting to PostgreSQL".to_owned(), cause };
    let config: Config = database_url.parse().map_err(failed)?;
    let mut tls = TlsConnector::builder();
    if let Some(pem) = root_certificate {
        tls.add_root_certificate(native_tls::Certificate::from_pem(pem).map_err(tls_failed)?);
    }
    let tls = MakeTlsConnector::new(tls.build().map_err(tls_failed)?);
    let (client, connection) = config.connect(tls).await.map_err(failed)?;
    // The client's next call reports an error of the connection.
    tokio::spawn(connection);
    Ok(client)
}

fn tls_failed(cause: native_tls::Error) -> Error {
    Error::Tls { cause }
}
