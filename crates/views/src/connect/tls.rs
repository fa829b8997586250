//! Which servers are trusted, and what they are shown.

use native_tls::{Certificate, Identity, TlsConnector};
use postgres_native_tls::MakeTlsConnector;

/// What is verified of a server that speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    /// That an authority that is trusted has signed its certificate, and that the certificate is for its name.
    Full,
    /// The first of these alone.
    Authority,
}

/// The certificates of a PEM file, of which a cloud's may hold many.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, String> {
    match Certificate::stack_from_pem(pem) {
        Ok(certificates) if certificates.is_empty() => Err("holds no certificate in PEM form".into()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("is not a certificate in PEM form: {error}")),
    }
}

/// What the programs show a server that asks who they are. Both are the text of a PEM file.
pub(super) fn identity(certificate: &[u8], key: &[u8]) -> Result<Identity, String> {
    if !String::from_utf8_lossy(key).contains("-----BEGIN PRIVATE KEY-----") {
        return Err("an sslkey that is not an unencrypted key in PKCS #8 form; \
                    `openssl pkcs8 -topk8 -nocrypt -in KEY` makes one"
            .into());
    }
    Identity::from_pkcs8(certificate, key)
        .map_err(|error| format!("an sslcert and an sslkey that do not serve together: {error}"))
}

/// Trusts `roots` in addition to the system's own authorities.
pub(super) fn connector(
    verification: Verification,
    roots: Vec<Certificate>,
    identity: Option<Identity>,
) -> Result<MakeTlsConnector, native_tls::Error> {
    let mut tls = TlsConnector::builder();
    if let Some(identity) = identity {
        tls.identity(identity);
    }
    for root in roots {
        tls.add_root_certificate(root);
    }
    tls.danger_accept_invalid_hostnames(verification == Verification::Authority);
    Ok(MakeTlsConnector::new(tls.build()?))
}
