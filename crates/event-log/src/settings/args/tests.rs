use super::*;
use crate::settings::GroupArgs;

/// Ignores the environment, which names the servers of the tests.
fn parse<A: Args>(flags: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("test")).mut_args(|arg| arg.env(None::<&str>));
    let matches = command.try_get_matches_from([&["test"], flags].concat()).unwrap();
    A::from_arg_matches(&matches).unwrap()
}

fn kafka(flags: &[&str]) -> Result<KafkaSettings, Invalid> {
    parse::<KafkaArgs>(flags).validate()
}

#[test]
fn the_defaults_are_valid() {
    let kafka = kafka(&[]).unwrap();
    assert_eq!((kafka.bootstrap_servers.as_str(), kafka.topic.as_str()), ("localhost:9092", "food-orders"));
    assert!(kafka.properties.is_empty());
    assert_eq!(parse::<GroupArgs>(&[]).validate().unwrap().as_str(), "order-processors");
}

#[test]
fn each_failure_names_its_variable() {
    for (flags, variable) in [
        (["--kafka-bootstrap-servers", "broker"], "KAFKA_BOOTSTRAP_SERVERS"),
        (["--kafka-topic", ""], "KAFKA_TOPIC"),
        (["--kafka-security-protocol", "tls"], "KAFKA_SECURITY_PROTOCOL"),
        (["--kafka-properties", "fetch"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "fetch=1"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "linger.ms=soon"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "group.protocol=none"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "max.poll.interval.ms=5000"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "max.in.flight=9"], "KAFKA_PROPERTIES"),
        (["--kafka-properties", "group.protocol=consumer,session.timeout.ms=9000"], "KAFKA_PROPERTIES"),
    ] {
        assert_eq!(kafka(&flags).unwrap_err().variable, variable);
    }
    for group in ["", " ", "a\tb", &"x".repeat(250)] {
        let invalid = parse::<GroupArgs>(&["--kafka-group-id", group]).validate().unwrap_err();
        assert_eq!(invalid.variable, "KAFKA_GROUP_ID");
    }
}

#[test]
fn secrets_are_never_printed() {
    let flags = [
        "--kafka-sasl-password=hunter2",
        "--kafka-ssl-key-password=hunter2",
        "--kafka-properties=sasl.password=hunter2",
    ];
    let args = parse::<KafkaArgs>(&flags);
    let printed = format!("{args:?} {:?}", args.validate().unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn a_property_that_is_refused_is_named_without_its_value() {
    let invalid = kafka(&["--kafka-properties=sasl.pasword=hunter2"]).unwrap_err();
    assert!(invalid.reason.contains("sasl.pasword") && !invalid.reason.contains("hunter2"), "{invalid}");
}

#[test]
fn properties_without_an_effect_are_known() {
    let properties = "enable.auto.commit=true,linger.ms=9,group.protocol=consumer,acks=1,group.id=g";
    let kafka = kafka(&[&format!("--kafka-properties={properties}")]).unwrap();
    assert_eq!(kafka.overridden(), ["enable.auto.commit", "acks", "group.id"]);
}

/// librdkafka would take either value, whichever it is given last.
#[test]
fn another_name_of_a_property_changes_nothing_that_is_fixed() {
    let properties =
        "metadata.broker.list=other:1,request.required.acks=1,auto.commit.enable=true,linger.ms=9";
    let kafka = kafka(&[&format!("--kafka-properties={properties}")]).unwrap();
    assert_eq!(kafka.overridden(), ["bootstrap.servers", "acks", "enable.auto.commit"]);
    let writer = kafka.writer_config(false);
    for (name, value) in [
        ("bootstrap.servers", Some("localhost:9092")),
        ("metadata.broker.list", None),
        ("acks", Some("all")),
        ("request.required.acks", None),
        ("linger.ms", Some("9")),
    ] {
        assert_eq!(writer.get(name), value, "{name}");
    }
}

/// The message is librdkafka's, and says which properties.
#[test]
fn properties_that_do_not_go_together_are_named() {
    let invalid = kafka(&["--kafka-properties=max.poll.interval.ms=5000"]).unwrap_err();
    assert!(invalid.reason.contains("max.poll.interval.ms") && invalid.reason.contains("session.timeout.ms"));
    assert_eq!(invalid.variable, "KAFKA_PROPERTIES");
    let invalid = kafka(&["--kafka-security-protocol=ssl", "--kafka-ssl-ca-location=/none.pem"]).unwrap_err();
    assert_eq!(invalid.variable, "KAFKA_SSL_CA_LOCATION");
}

#[test]
fn an_id_for_transactions_is_no_error() {
    kafka(&["--kafka-properties=transactional.id=mine"]).unwrap();
}

/// A producer of large messages and its consumers have the same properties.
#[test]
fn a_size_that_fetches_have_to_follow_goes_with_all_clients() {
    kafka(&["--kafka-properties=message.max.bytes=5000000"]).unwrap();
}

#[test]
fn tls_and_sasl_become_librdkafka_properties() {
    let kafka = kafka(&[
        // With TLS, the file would have to be there.
        "--kafka-security-protocol=SASL_PLAINTEXT",
        "--kafka-sasl-mechanism=PLAIN",
        "--kafka-sasl-username=u",
        "--kafka-sasl-password=p",
        "--kafka-ssl-ca-location=/ca.pem",
        "--kafka-ssl-key-location=",
    ]);
    let names: Vec<_> = kafka.unwrap().properties.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["security.protocol", "sasl.mechanisms", "sasl.username", "sasl.password", "ssl.ca.location"]
    );
}

#[test]
fn servers_and_topics_are_checked_by_form() {
    assert_eq!(check_servers(" a:1, b:2,").unwrap(), "a:1,b:2");
    for wrong in ["", " , ", "a", "a:", "a:0", "a:99999", ":9092", "a b:1"] {
        assert_eq!(check_servers(wrong).unwrap_err().variable, "KAFKA_BOOTSTRAP_SERVERS", "{wrong:?}");
    }
    assert_eq!(topic_name("KAFKA_TOPIC", "food-orders").unwrap(), "food-orders");
    for wrong in ["", ".", "..", "a b", "ä", &"x".repeat(250)] {
        assert_eq!(topic_name("KAFKA_TOPIC", wrong).unwrap_err().variable, "KAFKA_TOPIC", "{wrong:?}");
    }
    assert!(topic_name("KAFKA_TOPIC", "").unwrap_err().reason.starts_with("is empty;"));
}

#[test]
fn properties_may_contain_commas() {
    let parsed = parse_properties("KAFKA_PROPERTIES", "ssl.cipher.suites=A,B, linger.ms=5").unwrap();
    let plain: Vec<_> = parsed.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!(plain, [("ssl.cipher.suites", "A,B"), ("linger.ms", "5")]);
    assert!(parse_properties("KAFKA_PROPERTIES", "").unwrap().is_empty());
    assert!(parse_properties("KAFKA_PROPERTIES", "linger.ms").is_err());
    assert!(parse_properties("KAFKA_PROPERTIES", "=5").is_err());
}

/// So that one rule of Kafka's access control, for a prefix, serves all readers.
#[test]
fn the_names_of_readers_begin_with_the_group() {
    let group = parse::<GroupArgs>(&["--kafka-group-id", "lunch"]).validate().unwrap();
    let config = kafka(&[]).unwrap().of_group(&group).reader_config("replay");
    assert_eq!(config.get("group.id"), Some("lunch-replay"));
}
