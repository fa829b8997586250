//! Which servers are trusted.

use native_tls::{Certificate, TlsConnector};
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

/// Trusts `roots` beside the system's own authorities.
pub(super) fn connector(
    verification: Verification,
    roots: Vec<Certificate>,
) -> Result<MakeTlsConnector, native_tls::Error> {
    let mut tls = TlsConnector::builder();
    for root in roots {
        tls.add_root_certificate(root);
    }
    tls.danger_accept_invalid_hostnames(verification == Verification::Authority);
    Ok(MakeTlsConnector::new(tls.build()?))
}
