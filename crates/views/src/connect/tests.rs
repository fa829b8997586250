use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::SessionKind;

fn parse(url: &str) -> Database {
    Database::parse(&url.into(), None).unwrap()
}

#[test]
fn all_hosts_are_printed() {
    let one_port = parse("postgres://u:secret@one,two:6432/d").to_string();
    assert_eq!(parse("postgres://u:secret@one:1,two:2/d").to_string(), "u@one:1,two:2/d");
    assert_eq!(one_port, "u@one:5432,two:6432/d");
}

/// The address of `url` with another one before it.
fn with_first_host(url: &str, first: &str) -> String {
    let (user, rest) = url.split_once('@').unwrap();
    format!("{user}@{first},{rest}")
}

/// A listener that never answers stands for a host that drops packets.
#[tokio::test]
async fn a_first_host_that_is_silent_does_not_keep_the_pool_from_the_second() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = with_first_host(&url, &silent.local_addr().unwrap().to_string());
    let wait = Duration::from_secs(5);
    let database = parse(&url);
    let pool = database.pool("test", SessionKind::Short, 1, wait).unwrap();
    let began = Instant::now();
    drop(pool.get().await.unwrap());
    assert!(began.elapsed() >= HOST_LIMIT, "the first host was asked first");
    // The host that has answered is asked first from now on.
    let began = Instant::now();
    database.session("test", SessionKind::Short).await.unwrap();
    assert!(began.elapsed() < HOST_LIMIT);
}

/// As a check of the API does, which waits no longer than 3 s.
#[tokio::test]
async fn a_caller_that_gives_up_gets_to_the_next_host_with_its_next_attempt() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = with_first_host(servers.database_url(), &silent.local_addr().unwrap().to_string());
    let database = parse(&url);
    // Neither is long enough to give the first host up.
    let attempt = |seconds| {
        tokio::time::timeout(Duration::from_secs(seconds), database.session("test", SessionKind::Short))
    };
    assert!(attempt(1).await.is_err());
    assert!(attempt(4).await.unwrap().is_ok());
}

/// The settings without which most goes wrong. Fault 55 gives a role all that it may have, and runs the programs.
#[tokio::test]
async fn settings_of_the_database_do_not_reach_a_session() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let sql = local_stack::sql_client(&url, None).await.unwrap();
    let name: String = sql.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    let settings = [
        ("search_path", "nowhere", "public"),
        ("statement_timeout", "20s", "0"),
        ("lock_timeout", "20s", "0"),
        ("idle_session_timeout", "20s", "0"),
        ("idle_in_transaction_session_timeout", "20s", "0"),
        ("default_transaction_isolation", "serializable", "read committed"),
        // PostgreSQL 17 and later.
        ("transaction_timeout", "20s", "0"),
    ];
    let known = "SELECT name FROM pg_settings WHERE name = ANY($1)";
    let names: Vec<&str> = settings.iter().map(|(name, ..)| *name).collect();
    let known = sql.query(known, &[&names]).await.unwrap();
    let known: Vec<&str> = known.iter().map(|row| row.get(0)).collect();
    let settings = || settings.iter().filter(|(name, ..)| known.contains(name));
    for (setting, odd, _) in settings() {
        sql.batch_execute(&format!("ALTER DATABASE {name} SET {setting} = '{odd}'")).await.unwrap();
    }
    let session = parse(&url).session("test", SessionKind::Short).await.unwrap();
    for (setting, _, ours) in settings() {
        let row = session.client.query_one("SELECT current_setting($1)", &[setting]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), *ours, "{setting}");
    }
}

/// Several lanes or readers connect at the same time.
#[tokio::test]
async fn a_host_that_is_being_asked_is_not_passed_over() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (before, database) = servers.database_url().rsplit_once('/').unwrap();
    let database = parse(&format!("{before},{}/{database}", silent.local_addr().unwrap()));
    let began = Instant::now();
    let session = || database.session("test", SessionKind::Short);
    tokio::try_join!(session(), session(), session()).unwrap();
    assert!(began.elapsed() < HOST_LIMIT);
}

#[tokio::test]
async fn a_host_that_takes_no_writes_is_passed_over() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let standby = proxy(&url, |options| [options, b" -c default_transaction_read_only=on"].concat()).await;
    let database = parse(&with_first_host(&format!("{url}?sslmode=disable"), &standby));
    let session = database.session("test", SessionKind::Short).await.unwrap();
    session.client.batch_execute("CREATE TABLE written (id int)").await.unwrap();
}

/// A proxy that changes the start-up options of its clients. Returns its address.
async fn proxy(url: &str, change: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server_of(url).to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, server.clone(), change.clone()));
        }
    });
    address
}

fn server_of(url: &str) -> &str {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split_once('/').unwrap().0
}

async fn pass_on(mut client: TcpStream, server: String, change: impl Fn(&[u8]) -> Vec<u8>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let length = client.read_u32().await.unwrap();
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await.unwrap();
    // The name and the value of a parameter end with a NUL each.
    let name = b"\0options\0";
    let at = startup.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    let end = at + startup[at..].iter().position(|byte| *byte == 0).unwrap();
    let changed = change(&startup[at..end]);
    startup.splice(at..end, changed);
    server.write_u32(startup.len() as u32 + 4).await.unwrap();
    server.write_all(&startup).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_pooler_that_drops_the_options_is_refused() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let pooler = proxy(&url, |_| Vec::new()).await;
    let pooled = parse(&format!("{}?sslmode=disable", url.replace(server_of(&url), &pooler)));
    let error = pooled.session("test", SessionKind::Short).await.unwrap_err();
    assert!(matches!(error, Error::Pooler { .. }), "{error}");
    assert!(error.is_about_the_url());
    assert!(crate::migrate::migrate(&pooled).await.is_err());
    let plain = local_stack::sql_client(&url, None).await.unwrap();
    let made = plain.query_one("SELECT to_regclass('public.builds')::text", &[]).await.unwrap();
    assert_eq!(made.get::<_, Option<&str>>(0), None, "nothing was written");
}

/// As PgBouncer answers to start-up options that it does not know.
#[tokio::test]
async fn a_pooler_that_refuses_the_options_is_named_as_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u@{}/d?sslmode=disable", listener.local_addr().unwrap());
    let refusal = async {
        let mut client = listener.accept().await.unwrap().0;
        let length = client.read_u32().await.unwrap();
        client.read_exact(&mut vec![0; length as usize - 4]).await.unwrap();
        let fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        client.write_u8(b'E').await.unwrap();
        client.write_u32(fields.len() as u32 + 4).await.unwrap();
        client.write_all(fields).await.unwrap();
    };
    let database = parse(&url);
    let (opened, ()) = tokio::join!(database.session("test", SessionKind::Short), refusal);
    let error = opened.unwrap_err();
    assert!(matches!(error, Error::Pooler { .. }), "{error}");
    assert!(
        error.is_about_the_url() && error.to_string().contains("unsupported startup parameter"),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let servers = local_stack::TestServers::shared().await.unwrap();
    let url = servers.fresh_database().await.unwrap();
    let sql = local_stack::sql_client(&url, None).await.unwrap();
    for encoding in ["SQL_ASCII", "LATIN1", "WIN1252"] {
        let current = sql.query_one("SELECT current_database()", &[]).await.unwrap();
        let name = format!("{}_{}", current.get::<_, &str>(0), encoding.to_lowercase());
        let create = format!("CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'");
        sql.batch_execute(&create).await.unwrap();
        let database = parse(&local_stack::with_database(&url, &name));
        let error = crate::migrate::migrate(&database).await.unwrap_err();
        assert!(error.to_string().contains(encoding) && error.to_string().contains("createdb"), "{error}");
        assert!(error.is_about_the_url());
    }
}
