//! A message says what happened, at which address, and what to do.

use std::time::{Duration, Instant};

use end_to_end::harness::{
    GIVE_UP_AFTER, Launch, LostCommit, OwnServer, Program, Proxy, Stage, free_address, raw, repository,
};

/// Nothing listens there.
const NOBODY: &str = "127.0.0.1:1";

/// The programs that use a database, as they are started by hand.
const WITH_DATABASE: [(&str, &str); 4] =
    [("consumer", ""), ("consumer", "dead-letters list"), ("api", ""), ("replay-rebuild", "--dry-run")];

fn start(stage: &Stage, (program, arguments): (&str, &str), change: impl Fn(Launch) -> Launch) -> Program {
    let launch = stage.program(program).args(arguments).env("API_LISTEN", free_address());
    change(launch).start()
}

/// The message stands alone, like those about the command line, and not in the log.
fn assert_refused(log: &str, named: &[&str]) {
    let message = log.lines().find(|line| line.starts_with("error: "));
    let message = message.unwrap_or_else(|| panic!("no message: {log}"));
    assert!(named.iter().all(|name| message.contains(name)), "{named:?}: {message}");
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_an_error_of_the_command_line() {
    let stage = Stage::new().await;
    for (variable, value, named) in [
        ("DATABASE_URL", "postgres://u:p@ss@localhost/d", "%40"),
        ("DATABASE_URL", "postgres://u@localhost/d?sslmode=full", "verify-full"),
        ("KAFKA_PROPERTIES", "lunch=1", "lunch"),
        ("LOG_LEVEL", "loud", "debug"),
    ] {
        for program in WITH_DATABASE {
            // A log in JSON has no place for it either.
            let mut program =
                start(&stage, program, |launch| launch.env("LOG_FORMAT", "json").env(variable, value));
            assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2, "{}", program.log());
            let log = program.log();
            assert_eq!(log.lines().count(), 1, "{log}");
            assert_refused(&log, &[variable, named]);
        }
    }
    let sql = stage.sql().await;
    let tables = sql.query("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace", &[]).await;
    assert!(tables.unwrap().is_empty(), "nothing may be written before all settings are checked");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named_with_the_command_that_makes_it() {
    let stage = Stage::new().await;
    let url = local_stack::with_database(&stage.database_url, "breakfast");
    let mut programs =
        WITH_DATABASE.map(|program| start(&stage, program, |launch| launch.env("DATABASE_URL", &url)));
    for program in &mut programs {
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 2, "{}", program.log());
        let log = program.log();
        assert_refused(
            &log,
            &["there is no database \"breakfast\"", "createdb --encoding UTF8", "127.0.0.1"],
        );
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_named() {
    let stage = Stage::new().await;
    let url = format!("postgres://somebody@{NOBODY}/lunch");
    let mut programs =
        WITH_DATABASE.map(|program| start(&stage, program, |launch| launch.env("DATABASE_URL", &url)));
    for program in &mut programs {
        program.wait_for_log("waiting for PostgreSQL", GIVE_UP_AFTER).await;
        let log = program.log();
        let waiting = log.lines().find(|line| line.contains("waiting for PostgreSQL")).unwrap();
        assert!(waiting.contains(&format!("somebody@{NOBODY}/lunch")), "{waiting}");
        assert!(waiting.contains("Connection refused") && waiting.contains("DATABASE_URL"), "{waiting}");
    }
}

#[tokio::test]
async fn a_password_that_is_refused_leads_to_the_setting() {
    let stage = Stage::new().await;
    let (user, rest) = stage.database_url.rsplit_once('@').unwrap();
    let url = format!("{}:wrong@{rest}", user.rsplit_once(':').unwrap().0);
    for program in WITH_DATABASE {
        let mut program = start(&stage, program, |launch| launch.env("DATABASE_URL", &url));
        assert_eq!(program.exit_code(GIVE_UP_AFTER).await, 1, "{}", program.log());
        let log = program.log();
        assert!(log.contains("28P01") && log.contains("the password in DATABASE_URL"), "{log}");
    }
}

#[tokio::test]
async fn a_broker_that_is_away_is_named_soon() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    for program in [("producer", ""), ("consumer", "")] {
        let began = Instant::now();
        let mut program = start(&stage, program, |launch| launch.env("KAFKA_BOOTSTRAP_SERVERS", NOBODY));
        program.wait_for_log(&format!("waiting for Kafka at {NOBODY}"), GIVE_UP_AFTER).await;
        // That is how long a request to a broker may take. A consumer sees to the database first.
        let is_late = program.name() == "producer" && began.elapsed() >= Duration::from_secs(10);
        assert!(!is_late, "{:?}", began.elapsed());
        // The first such line may come before the client has tried to connect.
        let words = ["waiting for Kafka", "Connection refused", "KAFKA_BOOTSTRAP_SERVERS"];
        program.wait_for_line(&words, GIVE_UP_AFTER).await;
    }
    let rebuild = ("replay-rebuild", "");
    let mut rebuild = start(&stage, rebuild, |launch| launch.env("KAFKA_BOOTSTRAP_SERVERS", NOBODY));
    rebuild.wait_for_log(&format!("no Kafka broker answers at {NOBODY}"), GIVE_UP_AFTER).await;
    assert!(rebuild.log().contains("Connection refused"), "{}", rebuild.log());
}

/// The message in docs/listeners.md that contains this text. `…` stands in it for what differs from machine to machine.
fn quoted_in_docs(text: &str) -> String {
    let page = std::fs::read_to_string(repository("docs/listeners.md")).unwrap();
    let mut messages = page.lines().filter_map(|line| line.strip_prefix("    "));
    messages.find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[track_caller]
fn assert_as_quoted(log: &str, quote: &str) {
    let is_there = |line: &str| {
        let mut parts = quote.split('…');
        parts.try_fold(line, |rest, part| rest.split_once(part).map(|(_, rest)| rest)).is_some()
    };
    assert!(log.lines().any(is_there), "{quote}\n is not in\n{log}");
}

/// An attempt to connect may take longer than the program waits before its first message.
async fn wait_for_quote(program: &mut Program, quote: &str) {
    let beginning = quote.split('…').next().unwrap();
    program.wait_for_log(beginning, 2 * GIVE_UP_AFTER).await;
    assert_as_quoted(&program.log(), quote);
}

/// The most frequent trouble with Kafka: it answers, and says that it is somewhere else. docs/listeners.md has these messages.
#[tokio::test]
async fn an_advertised_address_that_does_not_lead_to_the_broker_is_named_with_the_cure() {
    let stage = Stage::new().await;
    for (advertised, problem, in_docs) in [
        ("broker.invalid:29092", "Failed to resolve 'kafka:29092'", ("localhost:9092", "kafka:29092")),
        ("localhost:1", "Connection refused", ("kafka:9092", "localhost:9092")),
    ] {
        let kafka = OwnServer::kafka_with(&[("advertised.listeners", &format!("PLAINTEXT://{advertised}"))]);
        let servers = kafka.bootstrap_servers();
        let (servers_in_docs, advertised_in_docs) = in_docs;
        let quote = quoted_in_docs(&format!("{advertised_in_docs}/1: "));
        assert!(quote.contains(problem), "{quote}");
        let quote = quote.replace(servers_in_docs, "SERVERS").replace(advertised_in_docs, advertised);
        let quote = quote.replace("SERVERS", &servers);
        let mut programs = [("producer", ""), ("consumer", "")]
            .map(|program| start(&stage, program, |launch| launch.env("KAFKA_BOOTSTRAP_SERVERS", &servers)));
        for program in &mut programs {
            wait_for_quote(program, &quote).await;
        }
    }
}

/// The broker that docs/listeners.md has no address for.
#[tokio::test]
async fn an_address_at_which_nobody_listens_is_named_as_the_docs_say() {
    let stage = Stage::new().await;
    let quote = quoted_in_docs("no Kafka broker answers at").replace("localhost:9092", "localhost:1");
    let mut producer =
        start(&stage, ("producer", ""), |launch| launch.env("KAFKA_BOOTSTRAP_SERVERS", "localhost:1"));
    wait_for_quote(&mut producer, &quote).await;
}

/// As the image of another Kafka makes it, from the name and the number of partitions alone.
#[tokio::test]
async fn a_topic_with_the_brokers_defaults_is_warned_about_as_the_docs_say() {
    let stage = Stage::new().await;
    let topic = &stage.kafka.topic;
    let create = format!(
        "kafka topics --create --bootstrap-server {} --topic {topic} --partitions 6 --replication-factor 1",
        stage.kafka.bootstrap_servers
    );
    stage.program("local-stack").args(&create).succeed(GIVE_UP_AFTER).await;
    let producer = stage.program("producer").args("--orders 1");
    let log = producer.succeed(GIVE_UP_AFTER).await;
    assert_as_quoted(&log, &quoted_in_docs("retention.ms=604800000").replace("food-orders", topic));
}

#[tokio::test]
async fn a_decision_whose_commit_is_cut_off_may_have_been_made() {
    let stage = Stage::new().await;
    stage.create_topic(1).await;
    stage.send(vec![raw("no event"), raw("no event either")]).await;
    stage.catch_up().await;
    let proxy = Proxy::in_front_of(&stage.database_url);
    let api = stage.api_of(stage.program("api").env("DATABASE_URL", proxy.url(&stage.database_url))).await;
    for (id, lost, state) in [("0-0", LostCommit::Request, "open"), ("0-1", LostCommit::Answer, "discarded")]
    {
        proxy.lose_next_commit(lost);
        let answer = api.post(&format!("/dead-letters/{id}/discard"), r#"{"reason":"nonsense"}"#).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains("may have been made or not"), "{}", answer.body);
        assert_eq!(api.get(&format!("/dead-letters/{id}")).await.json()["state"], state);
    }
}
