//! Which servers are trusted, in the words of libpq: a PostgreSQL whose certificate is signed by itself, for the name
//! `db.example`.
#![allow(clippy::unwrap_used)] // a test

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::{fs, time::Duration};

use local_stack::{Downloads, Postgres, PostgresOptions, Scratch, sql_client};
use secrecy::SecretString;
use views::{Database, Recovery, SessionKind};

const CERTIFICATE: &[u8] = include_bytes!("tls/server.crt");
/// One that has signed nothing here.
const OTHER_AUTHORITY: &[u8] = include_bytes!("tls/other.crt");
const CLIENT_CERTIFICATE: &[u8] = include_bytes!("tls/client.crt");
const CLIENT_KEY: &[u8] = include_bytes!("tls/client.key");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// PostgreSQL reads the file as its own account, and demands that no other may.
fn give(data: &Path, name: &str, content: &[u8]) {
    let file = data.join(name);
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let owner = fs::metadata(data).unwrap();
    chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
}

async fn offer_tls(postgres: &Postgres, data: &Path) {
    give(data, "server.crt", CERTIFICATE);
    give(data, "server.key", KEY);
    let sql = sql_client(&postgres.url(), None).await.unwrap();
    sql.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    sql.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let is_on = async {
        while sql.query_one("SHOW ssl", &[]).await.unwrap().get::<_, &str>(0) != "on" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), is_on).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_as_the_url_says() {
    let folder = Scratch::new().unwrap();
    let options = PostgresOptions::new(folder.path().join("postgres")).for_tests();
    let postgres = Postgres::start(&Downloads::ensure().unwrap(), &options).unwrap();
    offer_tls(&postgres, &options.data_dir.join("data")).await;
    let root = folder.path().join("root.pem");
    // A file may hold several certificates, of which any may have signed.
    fs::write(&root, [OTHER_AUTHORITY, CERTIFICATE].concat()).unwrap();
    let connect = async |words: &str, root_certificates: Option<&[u8]>| {
        let url = SecretString::from(format!("{}?{words}", postgres.url()));
        let database = Database::parse(&url, root_certificates).unwrap();
        database.session("test", SessionKind::Short).await
    };
    let trusted = format!("sslrootcert={}", root.display());
    connect("sslmode=disable", None).await.unwrap();
    connect(&format!("sslmode=verify-ca&{trusted}"), None).await.unwrap();
    connect("sslmode=verify-ca", Some(CERTIFICATE)).await.unwrap();
    for words in ["sslmode=prefer", "sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"] {
        let error = connect(words, None).await.unwrap_err();
        let message = error.to_string();
        for named in ["DATABASE_SSL_ROOT_CERT", "sslmode=disable", "127.0.0.1"] {
            assert!(message.contains(named), "{words}: {message}");
        }
        assert_eq!(error.recovery(), Recovery::Stop);
    }
    // The certificate is for another name.
    assert!(connect(&format!("sslmode=verify-full&{trusted}"), None).await.is_err());
}

/// The role `app` has no password: the server asks for a certificate for its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let folder = Scratch::new().unwrap();
    let options = PostgresOptions::new(folder.path().join("postgres")).for_tests();
    let postgres = Postgres::start(&Downloads::ensure().unwrap(), &options).unwrap();
    let data = options.data_dir.join("data");
    give(&data, "clients.crt", CLIENT_CERTIFICATE);
    let access = fs::read_to_string(data.join("pg_hba.conf")).unwrap();
    give(&data, "pg_hba.conf", format!("hostssl all app all cert\n{access}").as_bytes());
    let sql = sql_client(&postgres.url(), None).await.unwrap();
    sql.batch_execute("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'").await.unwrap();
    sql.batch_execute("CREATE ROLE app LOGIN").await.unwrap();
    offer_tls(&postgres, &data).await;
    let (certificate, key) = (folder.path().join("app.crt"), folder.path().join("app.key"));
    fs::write(&certificate, CLIENT_CERTIFICATE).unwrap();
    fs::write(&key, CLIENT_KEY).unwrap();
    let (_, server) =
        postgres.url().rsplit_once('@').map(|(user, server)| (user.to_owned(), server.to_owned())).unwrap();
    let parse = |words: &str| {
        let url = format!("postgres://app@{server}?sslmode=verify-ca&{words}");
        Database::parse(&SecretString::from(url), Some(CERTIFICATE))
    };
    let both = format!("sslcert={}&sslkey={}", certificate.display(), key.display());
    parse(&both).unwrap().session("test", SessionKind::Short).await.unwrap();
    assert!(parse("").unwrap().session("test", SessionKind::Short).await.is_err());

    let refused = |words: String, named: &str| {
        let message = parse(&words).unwrap_err().to_string();
        assert!(message.contains(named), "{words}: {message}");
    };
    refused(format!("sslcert={}", certificate.display()), "only one of sslcert and sslkey");
    refused(format!("{both}/no-such-file"), "cannot be read");
    refused(format!("sslcert={0}&sslkey={0}", certificate.display()), "PKCS #8");
    refused(format!("sslcert={0}&sslkey={0}", key.display()), "do not serve together");
}
