//! HTTPS: the certificate and the key of the server.

use std::path::Path;

use native_tls::{Identity, Protocol, TlsAcceptor};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::x509::X509;
use service::Invalid;

const CERTIFICATE: &str = "API_TLS_CERTIFICATE";
const KEY: &str = "API_TLS_KEY";

/// `None` if neither file is given.
pub fn acceptor(
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<tokio_native_tls::TlsAcceptor>, Invalid> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (read(CERTIFICATE, certificate)?, read(KEY, key)?),
        (Some(_), None) => return Err(Invalid::new(KEY, "is missing, and API_TLS_CERTIFICATE needs it")),
        (None, Some(_)) => return Err(Invalid::new(CERTIFICATE, "is missing, and API_TLS_KEY needs it")),
    };
    if !String::from_utf8_lossy(&key).contains("-----BEGIN PRIVATE KEY-----") {
        let reason = "is not a PEM file with an unencrypted key in PKCS #8 form; `openssl pkcs8 -topk8 -nocrypt -in KEY` \
                      makes one";
        return Err(Invalid::new(KEY, reason));
    }
    // Otherwise OpenSSL notices when the first client connects.
    let belong_together = || -> Result<bool, ErrorStack> {
        let certified = X509::from_pem(&certificate)?.public_key()?;
        Ok(certified.public_eq(&*PKey::private_key_from_pem(&key)?))
    };
    match belong_together() {
        Ok(true) => {}
        Ok(false) => return Err(Invalid::new(KEY, "is not the key of API_TLS_CERTIFICATE")),
        Err(error) => {
            return Err(Invalid::new(CERTIFICATE, format!("or API_TLS_KEY is not a PEM file: {error}")));
        }
    }
    let identity = Identity::from_pkcs8(&certificate, &key)
        .map_err(|error| Invalid::new(CERTIFICATE, format!("and API_TLS_KEY cannot be used: {error}")))?;
    let acceptor = TlsAcceptor::builder(identity)
        .min_protocol_version(Some(Protocol::Tlsv12))
        .build()
        .map_err(|error| Invalid::new(CERTIFICATE, format!("cannot be used: {error}")))?;
    Ok(Some(acceptor.into()))
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Invalid> {
    std::fs::read(path).map_err(|error| {
        Invalid::new(setting, format!("is {}, which cannot be read: {error}", path.display()))
    })
}
