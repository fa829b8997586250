//! HTTPS.

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Api, NOWHERE, try_settings};

/// A certificate for `localhost` that vouches for itself, and its key, both as PEM.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_with_a_certificate() {
    let folder = tempfile::TempDir::new().unwrap();
    let (certificate, key) = certificate();
    let files = [("certificate.pem", &certificate), ("key.pem", &key)].map(|(name, pem)| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let servers = local_stack::TestServers::shared().await.unwrap();
    let database = servers.fresh_database().await.unwrap();
    let tls = ["--api-tls-certificate", &files[0], "--api-tls-key", &files[1]];
    let api = Api::start(&database, &[&["--kafka-bootstrap-servers", NOWHERE], &tls[..]].concat()).await;
    let address = api.url.strip_prefix("http://").unwrap();

    let root = native_tls::Certificate::from_pem(&certificate).unwrap();
    let connector = native_tls::TlsConnector::builder().add_root_certificate(root).build().unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut stream = tokio_native_tls::TlsConnector::from(connector).connect("localhost", tcp).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP is not answered");
}

#[test]
fn a_wrong_pair_of_files_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str, pem: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ((certificate, key), (_, other_key)) = (certificate(), certificate());
    let rsa = PKey::private_key_from_pem(&key).unwrap().rsa().unwrap().private_key_to_pem().unwrap();
    let (certificate, other, old) =
        (path("certificate", &certificate), path("other", &other_key), path("old", &rsa));
    for (flags, expected) in [
        (vec!["--api-tls-certificate", &certificate], "API_TLS_KEY is missing"),
        (vec!["--api-tls-key", &other], "API_TLS_CERTIFICATE is missing"),
        (vec!["--api-tls-certificate", "/nowhere", "--api-tls-key", &other], "/nowhere"),
        (vec!["--api-tls-certificate", &certificate, "--api-tls-key", &old], "openssl pkcs8"),
        (vec!["--api-tls-certificate", &certificate, "--api-tls-key", &other], "is not the key of"),
    ] {
        let error = try_settings("postgres://x@localhost/x", &flags).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
