//! No secret is in any output: a marked one goes through the error paths of every program.

use end_to_end::harness::{GIVE_UP_AFTER, OwnServer, Program, Stage, eventually, free_address};

/// In every secret that a program is given.
const MARK: &str = "mArKeD";

const PROGRAMS: [(&str, &str); 6] = [
    ("producer", ""),
    ("consumer", ""),
    ("consumer", "dead-letters list"),
    ("consumer", "decisions export"),
    ("api", ""),
    ("replay-rebuild", ""),
];

/// What goes wrong: the settings that make it so. Each of them wins over [`SECRETS`].
type Case = &'static [(&'static str, &'static str)];

/// Given in all cases, and fine as such.
const SECRETS: Case = &[
    ("DATABASE_URL", "postgres://u:mArKeD@127.0.0.1:1/d"),
    ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"),
    ("KAFKA_SASL_USERNAME", "u"),
    ("KAFKA_SASL_PASSWORD", "mArKeD"),
    ("KAFKA_SSL_KEY_PASSWORD", "mArKeD"),
    ("KAFKA_PROPERTIES", "debug=all,ssl.keystore.password=mArKeD"),
    ("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1"),
    ("SCHEMA_REGISTRY_USERNAME", "u"),
    ("SCHEMA_REGISTRY_PASSWORD", "mArKeD"),
    ("API_ADMIN_TOKEN", "mArKeD"),
    ("API_LISTEN", "127.0.0.1:0"),
    ("RUST_LOG", "trace"),
];

/// Each program refuses these settings.
const REFUSED: [Case; 9] = [
    &[("SCHEMA_REGISTRY_URL", "http://u:mArKeD@127.0.0.1:1")],
    &[("KAFKA_PROPERTIES", "sasl.pasword=mArKeD")],
    &[("KAFKA_PROPERTIES", "mArKeD")],
    &[("KAFKA_PROPERTIES", "sasl.password=mArKeD,linger.ms=soon")],
    &[("KAFKA_PROPERTIES", "sasl.password=mArKeD,max.poll.interval.ms=5000")],
    &[("KAFKA_SECURITY_PROTOCOL", "ssl"), ("KAFKA_PROPERTIES", "ssl.key.pem=mArKeD")],
    &[
        ("KAFKA_SECURITY_PROTOCOL", "ssl"),
        ("KAFKA_PROPERTIES", "ssl.keystore.location=/dev/null,ssl.keystore.password=mArKeD"),
    ],
    &[("KAFKA_BOOTSTRAP_SERVERS", "localhost")],
    &[("LOG_FORMAT", "mine")],
];

/// Each program that has a database refuses these URLs.
const URLS: [&str; 12] = [
    "postgres://u:mArKeD",
    "postgres://u:mArKeD@h:port/d",
    "postgres://u:p@mArKeD@h/d",
    "postgres://u:p@mArKeD:1@h/d",
    "postgres://u:p/mArKeD@h/d",
    "postgres://u:p?mArKeD=1@h/d",
    "postgres://u@h/d?password=p&mArKeD=1",
    "postgres://u@h/d?password=mArKeD&sslmode=full",
    "postgres://u:mArKeD@h/d?sslrootcert=/no/such.pem",
    "postgres://h/d?password=p@mArKeD",
    "mysql://u:mArKeD@h/d",
    "host=h password=mArKeD",
];

fn start(stage: &Stage, (program, arguments): (&str, &str), case: Case) -> Program {
    let launch = stage.program(program).args(arguments);
    SECRETS.iter().chain(case).fold(launch, |launch, (name, value)| launch.env(name, value)).start()
}

fn assert_secret(program: &Program, case: &str) {
    let log = program.log();
    assert!(!log.is_empty(), "{} has printed nothing: {case}", program.name());
    if let Some(line) = log.lines().find(|line| line.contains(MARK)) {
        panic!("{} has printed a secret: {case}: {line}", program.name());
    }
}

#[tokio::test]
async fn settings_that_are_refused_print_no_secret() {
    let stage = Stage::new().await;
    for case in REFUSED {
        for mut program in PROGRAMS.map(|program| start(&stage, program, case)) {
            assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2, "{case:?}: {}", program.log());
            assert_secret(&program, &format!("{case:?}"));
        }
    }
    for url in URLS {
        for program in &PROGRAMS[1..] {
            let launch = stage.program(program.0).args(program.1).env("API_LISTEN", free_address());
            let mut program = launch.env("DATABASE_URL", url).start();
            assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2, "{url}: {}", program.log());
            assert_secret(&program, url);
        }
    }
    let mut api = start(&stage, ("api", ""), &[("API_ADMIN_TOKEN", "mArKeD token")]);
    assert_eq!(api.exit_code(GIVE_UP_AFTER).await, 2);
    assert_secret(&api, "a token with a space");
    for program in PROGRAMS {
        let help = format!("{} --help", program.1);
        let mut program = start(&stage, (program.0, &help), &[]);
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 0);
        assert_secret(&program, "--help");
        // A flag that is misspelt.
        let flag = format!("{} --database-ur={MARK}", program.name());
        let mut program = start(&stage, (program.name(), "--kafka-sasl-passwort=mArKeD"), &[]);
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2);
        assert_secret(&program, &flag);
    }
}

/// Runs every program against servers that do not take it, and with all that can be logged.
async fn assert_that_waiting_prints_no_secret(
    stage: &Stage,
    programs: &[(&str, &str)],
    case: Case,
    sign: &str,
) {
    let mut programs: Vec<_> = programs.iter().map(|program| start(stage, *program, case)).collect();
    for program in &mut programs {
        eventually(&format!("{} says {sign:?}", program.name()), 2 * GIVE_UP_AFTER, async || {
            (program.log().contains(sign) || program.has_ended()).then_some(())
        })
        .await;
        assert!(program.log().contains(sign), "{case:?}: {}", program.log());
    }
    for program in programs {
        assert_secret(&program, &format!("{case:?}"));
    }
}

#[tokio::test]
async fn servers_that_are_away_lead_to_no_secret_in_the_log() {
    let stage = Stage::new().await;
    let with_database = &PROGRAMS[1..];
    assert_that_waiting_prints_no_secret(&stage, with_database, &[], "Connection refused").await;
    let unknown = &[
        ("DATABASE_URL", "postgres://u:mArKeD@nowhere.invalid/d"),
        ("KAFKA_BOOTSTRAP_SERVERS", "nowhere.invalid:9092"),
    ];
    assert_that_waiting_prints_no_secret(&stage, with_database, unknown, "nowhere.invalid:5432").await;
    assert_that_waiting_prints_no_secret(&stage, &PROGRAMS[..1], unknown, "nowhere.invalid:9092").await;
}

#[tokio::test]
async fn servers_that_refuse_a_secret_do_not_put_it_into_the_log() {
    // It does not know the user of the programs.
    let kafka = OwnServer::kafka_with_users(&["admin"], &[]);
    let stage = Stage::new().await;
    let login = |program: (&str, &str), database: &str| {
        let launch = stage.program(program.0).args(program.1);
        let launch = SECRETS.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
        launch
            .env("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers())
            .env("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext")
            .env("KAFKA_SASL_MECHANISM", "PLAIN")
            .env("DATABASE_URL", database)
            .start()
    };
    let (user, rest) = stage.database_url.rsplit_once('@').unwrap();
    let wrong = format!("{}:{MARK}@{rest}", user.rsplit_once(':').unwrap().0);
    for mut program in PROGRAMS[1..].iter().map(|program| login(*program, &wrong)) {
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 1, "{}", program.log());
        assert!(program.log().contains("28P01"), "{}", program.log());
        assert_secret(&program, "a wrong password of PostgreSQL");
    }
    // With the right one, they come as far as Kafka.
    for mut program in
        ["producer", "consumer", "api"].map(|program| login((program, ""), &stage.database_url))
    {
        program.wait_for_log("uthentication failed", GIVE_UP_AFTER).await;
        assert_secret(&program, "a wrong password of Kafka");
    }
}

#[tokio::test]
async fn the_token_of_a_request_is_not_logged() {
    let stage = Stage::new().await;
    let address = free_address();
    let launch = stage.program("api").env("RUST_LOG", "trace").env("API_ADMIN_TOKEN", MARK);
    let mut api = launch.env("API_LISTEN", &address).start();
    api.wait_for_log("listening", GIVE_UP_AFTER).await;
    for (token, status) in [(MARK.to_owned(), 404), (format!("{MARK}-not"), 401)] {
        eventually("the API answers", GIVE_UP_AFTER, async || {
            let post = reqwest::Client::new().post(format!("http://{address}/dead-letters/0-0/discard"));
            let post = post.header("content-type", "application/json").body(r#"{"reason":"none"}"#);
            let answer = post.bearer_auth(&token).send().await.ok()?;
            (answer.status().as_u16() == status).then_some(())
        })
        .await;
    }
    assert_secret(&api, "the token of a request");
}
