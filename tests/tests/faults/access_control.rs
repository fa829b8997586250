//! Fault 50 in Kafka: its access control grants what deploy/kafka-acls.sh grants, or less.

use end_to_end::harness::{GIVE_UP_AFTER, Launch, OwnServer, Stage, Tool, binary, eventually, repository};
use local_stack::TestServers;

const ADMIN: &str = "admin";
const WRITER: &str = "writer";
const READER: &str = "reader";

const RIGHTS: [(&str, &str); 3] = [
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

/// How Kafka's tools log in as the administrator.
fn connection(stage: &Stage) -> Vec<String> {
    let file = stage.folder().join("admin.properties");
    let login = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required username=\"{ADMIN}\" password=\"{ADMIN}\";\n"
    );
    std::fs::write(&file, login).unwrap();
    ["--bootstrap-server", &stage.kafka.bootstrap_servers, "--command-config", file.to_str().unwrap()]
        .map(str::to_owned)
        .to_vec()
}

/// Runs the script that docs/operations.md names.
fn grant(stage: &Stage) {
    Tool::new(repository("deploy/kafka-acls.sh"))
        .args(connection(stage))
        .env("KAFKA_TOPIC", &stage.kafka.topic)
        .env("KAFKA_GROUP_ID", &stage.group)
        .env("KAFKA_WRITER", format!("User:{WRITER}"))
        .env("KAFKA_READER", format!("User:{READER}"))
        .env("KAFKA_CREATOR", format!("User:{WRITER}"))
        .env("KAFKA_ACLS_TOOL", format!("{} kafka acls", binary("local-stack").display()))
        .succeed();
}

/// Takes one right of the script back.
fn withdraw(stage: &Stage, acl: &str) {
    Tool::new(binary("local-stack"))
        .args(["kafka", "acls"])
        .args(connection(stage))
        .args(["--remove", "--force"])
        .args(acl.split(' '))
        .succeed();
}

async fn expect_denial(program: Launch, right: &str) {
    let mut denied = program.start();
    assert_eq!(denied.exit_code(GIVE_UP_AFTER).await, 1, "{}", denied.log());
    assert!(denied.log().contains(right), "{}", denied.log());
}

#[tokio::test]
#[ignore = "slow: it starts a broker of its own, and Kafka's tools several times"]
async fn fault_50_only_the_documented_rights() {
    let kafka = OwnServer::kafka_with_users(&[ADMIN, WRITER, READER], &RIGHTS);
    let servers = TestServers::shared().await.unwrap();
    let database = servers.fresh_database().await.unwrap();
    let stage = Stage::on(kafka.bootstrap_servers(), "food-orders".into(), database);
    let program = |name: &str, user: &str| as_user(stage.program(name), user);
    let produce = |user: &str, arguments: &str| program("producer", user).args("--rate 0").args(arguments);
    let catch_up = || program("consumer", READER).args("--until-caught-up");

    expect_denial(produce(WRITER, "--orders 1"), "needs the right").await;

    grant(&stage);
    produce(WRITER, "--orders 50").succeed(GIVE_UP_AFTER).await;
    produce(WRITER, "--orders 5 --id-prefix T- --transactional").succeed(GIVE_UP_AFTER).await;
    catch_up().succeed(GIVE_UP_AFTER).await;
    // The second start compares the last records.
    catch_up().succeed(GIVE_UP_AFTER).await;
    let rebuilt = program("replay-rebuild", READER).succeed(GIVE_UP_AFTER).await;
    assert!(!rebuilt.contains("denies"), "{rebuilt}");
    let api = stage.api_of(program("api", READER)).await;
    eventually("the lag is known", GIVE_UP_AFTER, async || {
        let lag = api.get("/lag").await.ok().json();
        (lag["views"][0]["events_behind"] == 0).then_some(())
    })
    .await;

    // Each program has its own rights only, and needs them. This is how Kafka refuses an idempotent producer.
    expect_denial(produce(READER, "--orders 1"), "Cluster authorization failed").await;
    let group = format!(
        "--allow-principal User:{READER} --operation Read --group {} --resource-pattern-type prefixed",
        stage.group
    );
    withdraw(&stage, &group);
    expect_denial(catch_up(), "needs the right READ on the group").await;
    let topic = format!("--allow-principal User:{READER} --operation Read --topic {}", stage.kafka.topic);
    withdraw(&stage, &topic);
    expect_denial(program("replay-rebuild", READER), "needs the right READ on the topic").await;
}
