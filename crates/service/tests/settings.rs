//! Given settings become valid ones, or a message that names the variable; secrets
//! stay secret on the way.

#![allow(clippy::unwrap_used)] // a test

use clap::{Args, CommandFactory, FromArgMatches, Parser};
use service::settings::{DatabaseArgs, GroupArgs, KafkaArgs, MetricsArgs};
use service::{Invalid, ShellArgs};

#[derive(Parser)]
struct All {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    group: GroupArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// Whatever the environment says: the tests' own servers are named there.
fn parse<A: Args>(flags: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from([&["test"], flags].concat()).unwrap();
    A::from_arg_matches(&matches).unwrap()
}

#[test]
fn the_defaults_are_valid() {
    let kafka = parse::<KafkaArgs>(&[]).validate().unwrap();
    assert_eq!((kafka.bootstrap_servers.as_str(), kafka.topic.as_str()), ("localhost:9092", "food-orders"));
    assert_eq!(parse::<GroupArgs>(&[]).validate().unwrap().as_str(), "order-processors");
    assert!(parse::<DatabaseArgs>(&[]).validate().is_ok());
    assert_eq!(parse::<MetricsArgs>(&[]).validate(), Ok(None));
    assert_eq!(parse::<ShellArgs>(&[]).validate().unwrap().shutdown_timeout.as_secs(), 20);
}

#[test]
fn each_failure_names_its_variable() {
    let shell = |flags: &[&str]| parse::<ShellArgs>(flags).validate().map(|_| ());
    let kafka = |flags: &[&str]| parse::<KafkaArgs>(flags).validate().map(|_| ());
    let cases: Vec<(Result<(), Invalid>, &str)> = vec![
        (shell(&["--shutdown-timeout-seconds", "soon"]), "SHUTDOWN_TIMEOUT_SECONDS"),
        (shell(&["--shutdown-timeout-seconds", "0"]), "SHUTDOWN_TIMEOUT_SECONDS"),
        (shell(&["--log-level", "loud"]), "LOG_LEVEL"),
        (shell(&["--log-format", "xml"]), "LOG_FORMAT"),
        (kafka(&["--kafka-bootstrap-servers", "broker"]), "KAFKA_BOOTSTRAP_SERVERS"),
        (kafka(&["--kafka-topic", ""]), "KAFKA_TOPIC"),
        (kafka(&["--kafka-security-protocol", "tls"]), "KAFKA_SECURITY_PROTOCOL"),
        (kafka(&["--kafka-properties", "fetch"]), "KAFKA_PROPERTIES"),
        (parse::<GroupArgs>(&["--kafka-group-id", " "]).validate().map(|_| ()), "KAFKA_GROUP_ID"),
        (
            parse::<DatabaseArgs>(&["--database-url", "mysql://u:p@h/d"]).validate().map(|_| ()),
            "DATABASE_URL",
        ),
        (parse::<MetricsArgs>(&["--metrics-listen", "9100"]).validate().map(|_| ()), "METRICS_LISTEN"),
    ];
    for (result, variable) in cases {
        assert_eq!(result.unwrap_err().variable, variable);
    }
}

#[test]
fn secrets_are_never_printed() {
    let flags = [
        "test",
        "--database-url",
        "postgres://u:hunter2@h/d",
        "--kafka-sasl-password",
        "hunter2",
        "--kafka-ssl-key-password",
        "hunter2",
        "--kafka-properties",
        "sasl.password=hunter2",
    ];
    let all = All::from_arg_matches(&All::command().try_get_matches_from(flags).unwrap()).unwrap();
    let printed = format!(
        "{:?} {:?} {:?} {:?}",
        all.kafka,
        all.database,
        all.kafka.validate().unwrap(),
        all.database.validate().unwrap()
    );
    assert!(!printed.contains("hunter2"), "{printed}");
    let message =
        parse::<DatabaseArgs>(&["--database-url", "host=h password=hunter2"]).validate().unwrap_err();
    assert!(!message.to_string().contains("hunter2"));
    let help = All::command().render_long_help().to_string();
    assert!(!help.contains("kafka_password"), "{help}");
    let _ = (all.shell, all.group, all.metrics);
}

#[test]
fn tls_and_sasl_become_librdkafka_properties() {
    let kafka = parse::<KafkaArgs>(&[
        "--kafka-security-protocol",
        "SASL_SSL",
        "--kafka-sasl-mechanism",
        "PLAIN",
        "--kafka-sasl-username",
        "u",
        "--kafka-sasl-password",
        "p",
        "--kafka-ssl-ca-location",
        "/ca.pem",
        "--kafka-ssl-key-location",
        "",
    ]);
    let names: Vec<_> = kafka.validate().unwrap().properties.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["security.protocol", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location"]
    );
}
