//! Fault 50: Kafka's access control grants no more than docs/configuration.md lists, or less.

use end_to_end::harness::{GIVE_UP_AFTER, Launch, OwnServer, Stage, eventually};
use local_stack::TestServers;

const ADMIN: &str = "admin";
const WRITER: &str = "writer";
const READER: &str = "reader";

/// The listener keeps its name and asks for a user and a password, which are the same. The controller's own
/// listener stays open.
const BROKER: [(&str, &str); 8] = [
    ("listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("sasl.enabled.mechanisms", "PLAIN"),
    ("listener.name.plaintext.sasl.enabled.mechanisms", "PLAIN"),
    ("sasl.mechanism.inter.broker.protocol", "PLAIN"),
    (
        "listener.name.plaintext.plain.sasl.jaas.config",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"admin\" \
         user_admin=\"admin\" user_writer=\"writer\" user_reader=\"reader\";",
    ),
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:admin;User:ANONYMOUS"),
    ("allow.everyone.if.no.acl.found", "false"),
];

fn as_user(program: Launch, user: &str) -> Launch {
    program
        .env("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext")
        .env("KAFKA_SASL_MECHANISM", "PLAIN")
        .env("KAFKA_SASL_USERNAME", user)
        .env("KAFKA_SASL_PASSWORD", user)
}

/// Kafka's own tool, as the administrator.
async fn grant(stage: &Stage, acl: &str) {
    let file = stage.folder().join("admin.properties");
    let login = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required username=\"{ADMIN}\" password=\"{ADMIN}\";\n"
    );
    std::fs::write(&file, login).unwrap();
    let tool = format!(
        "kafka acls --bootstrap-server {} --command-config {} --add {acl}",
        stage.kafka.bootstrap_servers,
        file.display()
    );
    stage.program("local-stack").args(&tool).succeed(GIVE_UP_AFTER).await;
}

#[tokio::test]
#[ignore = "slow: it starts a broker of its own, and Kafka's tools several times"]
async fn fault_50_only_the_documented_rights() {
    let kafka = OwnServer::kafka_with(&BROKER);
    let servers = TestServers::shared().await.unwrap();
    let database = servers.fresh_database().await.unwrap();
    let stage = Stage::on(kafka.bootstrap_servers(), "food-orders".into(), database);
    let (topic, group) = (&stage.kafka.topic, &stage.group);
    let program = |name: &str, user: &str| as_user(stage.program(name), user);

    // Without any right, each message names the one that is missing.
    let mut denied = program("producer", WRITER).args("--orders 1 --rate 0").start();
    assert_eq!(denied.exit_code(GIVE_UP_AFTER).await, 1);
    assert!(denied.log().contains("needs the right"), "{}", denied.log());

    grant(
        &stage,
        &format!("--allow-principal User:{WRITER} --operation Create --operation Write --topic {topic}"),
    )
    .await;
    program("producer", WRITER).args("--orders 50 --rate 0").succeed(GIVE_UP_AFTER).await;

    grant(&stage, &format!("--allow-principal User:{READER} --operation Read --topic {topic}")).await;
    let mut denied = program("consumer", READER).args("--until-caught-up").start();
    assert_eq!(denied.exit_code(GIVE_UP_AFTER).await, 1);
    assert!(denied.log().contains("needs the right READ on the group"), "{}", denied.log());

    let prefix = format!("--operation Read --group {group} --resource-pattern-type prefixed");
    grant(&stage, &format!("--allow-principal User:{READER} {prefix}")).await;
    program("consumer", READER).args("--until-caught-up").succeed(GIVE_UP_AFTER).await;
    // The second start compares the last records.
    program("consumer", READER).args("--until-caught-up").succeed(GIVE_UP_AFTER).await;
    let rebuilt = program("replay-rebuild", READER).succeed(GIVE_UP_AFTER).await;
    assert!(!rebuilt.contains("denies"), "{rebuilt}");
    let api = stage.api_of(program("api", READER)).await;
    eventually("the lag is known", GIVE_UP_AFTER, async || {
        let lag = api.get("/lag").await.ok().json();
        (lag["views"][0]["events_behind"] == 0).then_some(())
    })
    .await;
}
