//! Flags, messages and exit codes.

use event_log::{TopicSpec, ensure_topic};

use crate::world::World;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_person_opens_pays_and_watches() {
    let world = World::fresh().await;
    let mut instance = world.instance("1");
    instance.wait_for("owns these partitions", 1).await;
    for (arguments, code, part) in [
        (&["open", "A", "Ada"][..], 0, "request 1 is approved; the balance is 0.00"),
        (&["open", "B", "Grace"], 0, "is approved"),
        (&["deposit", "A", "100"], 0, "the balance is 100.00"),
        (&["deposit", "A", "100"], 0, "request 4 is approved; the balance is 200.00"),
        (&["transfer", "A", "B", "10.00"], 0, "the balance is 190.00"),
        (&["withdraw", "A", "300.5"], 1, "request 6 is refused: the balance is only 190.00"),
        (&["withdraw", "A", "400.01"], 1, "400.01 is more than 400.00"),
        (&["deposit", "C", "1"], 1, "account C does not exist"),
        (&["deposit", "A", "1.005"], 2, "AMOUNT is \"1.005\""),
        (&["deposit", "A", "0"], 2, "amount_cents must be from 1"),
        (&["deposit", "A B", "1"], 2, "account_id must have 1 to 64"),
        (&["profile", "B", "Rear Admiral"], 0, "sent"),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, (arguments, code, part))| {
        let id = (number + 1).to_string();
        let arguments: Vec<String> = ["request", "--id", &id]
            .into_iter()
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect();
        (arguments, code, part)
    }) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = world.run(&arguments).await;
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
        assert!(printed.contains(part), "{arguments:?}: {printed}");
    }
    let again = world.run(&["request", "--id", "5", "transfer", "A", "B", "10.00"]).await;
    assert!(
        text(&again.stdout).contains("was approved before and is not applied again; the balance is 190.00")
    );
    let summary = world.compare().await;
    assert_eq!((summary.approved, summary.refused, summary.duplicates, summary.credits), (5, 3, 1, 1));
    instance.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(instance.end().await.code(), Some(0), "{}", instance.log());

    let mut watch = world.command(&["watch", "--from-beginning"]);
    let mut child = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let wanted = "A 10.00 EUR went to B; the balance is 190.00 EUR";
    assert!(
        lines.map_while(Result::ok).any(|line| line.starts_with("notifications") && line.ends_with(wanted))
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_refused() {
    let world = World::fresh().await;
    for (flags, part) in [
        (
            &["--consumer-property", "isolation.level=read_uncommitted"][..],
            "BANK_CONSUMER_PROPERTIES gives isolation.level",
        ),
        (&["--consumer-property", "group.protocol=consumer"], "cannot be changed"),
        (&["--producer-property", "transactional.id=x"], "BANK_PRODUCER_PROPERTIES gives transactional.id"),
        (&["--producer-property", "acks"], "NAME=VALUE"),
        (
            &["--producer-property", "transaction.timeout.ms=5000"],
            "BANK_PRODUCER_PROPERTIES is refused by librdkafka",
        ),
        (&["--producer-property", "linger=1"], "BANK_PRODUCER_PROPERTIES gives linger"),
        (&["--instance", "a b"], "BANK_INSTANCE"),
        (&["--large-amount", "1.005"], "BANK_LARGE_AMOUNT"),
        (&["--batch-records", "0"], "BANK_BATCH_RECORDS"),
    ] {
        let output = world.run(&[&["run"], flags].concat()).await;
        let printed = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {printed}");
        assert!(printed.contains(part), "{flags:?}: {printed}");
    }
}

#[tokio::test]
async fn topics_that_are_partitioned_differently_are_refused() {
    let world = World::fresh().await;
    let odd = world.kafka.of_topic(&world.topic("account_updates"));
    ensure_topic(&odd, &TopicSpec { partitions: 3, ..TopicSpec::default() }).await.unwrap();
    let output = world.run(&["run"]).await;
    let printed = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{printed}");
    assert!(printed.contains("must have the same number of partitions"), "{printed}");
    assert!(printed.contains("account_updates has 3"), "{printed}");
}

/// Each would lose accounts or inputs, or let clients write the times that the rules go by.
#[tokio::test]
async fn topics_with_settings_that_break_the_promise_are_refused_with_the_command_that_changes_them() {
    let world = World::fresh().await;
    world.create("account_balance_updates", false).await;
    world.create("account_updates", true).await;
    world.create("transaction_requests", false).await;
    world
        .set(
            "transaction_requests",
            &[("message.timestamp.type", "CreateTime"), ("retention.ms", "86400000")],
        )
        .await;
    let mut instance = world.instance("1");
    let (status, printed) = (instance.end().await, instance.log());
    assert_eq!(status.code(), Some(2), "{printed}");
    for (topic, setting) in [
        ("account_balance_updates", "cleanup.policy=compact"),
        ("account_updates", "cleanup.policy=delete"),
        ("transaction_requests", "message.timestamp.type=LogAppendTime"),
    ] {
        let command = format!("--entity-name {} --add-config {setting}", world.topic(topic));
        assert!(printed.contains(&command), "{topic}: {printed}");
    }
    assert!(printed.contains("retention.ms=86400000 deletes inputs"), "{printed}");
}

/// The id was made up by the program, so nobody else knows it.
#[tokio::test]
async fn a_request_that_may_have_been_sent_can_be_sent_again() {
    let world = World::fresh().await;
    let mut instance = world.instance("1");
    instance.wait_for("owns these partitions", 1).await;
    world.set("transaction_requests", &[("max.message.bytes", "90")]).await;
    let output = world.run(&["request", "open", "A", "Ada"]).await;
    let printed = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let id = printed.split_once("request ").unwrap().1.split(' ').next().unwrap();
    assert_eq!(id.len(), 36, "{printed}");
    assert!(printed.contains(&format!("request {id} may have been sent")), "{printed}");
    assert!(printed.contains(&format!("Send it again with --id {id}: it is applied once")), "{printed}");
}

#[tokio::test]
async fn a_client_without_topics_says_what_makes_them() {
    let world = World::fresh().await;
    let output = world.run(&["request", "open", "A", "Ada"]).await;
    let printed = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("no longer exists") || printed.contains("`bank-app run` creates it"),
        "{printed}"
    );
}

#[test]
fn the_help_is_what_it_was() {
    let program = env!("CARGO_BIN_EXE_bank-app");
    let help = |command: &str| {
        let output = std::process::Command::new(program).args([command, "--help"]).env_clear().output();
        let help = String::from_utf8(output.unwrap().stdout).unwrap();
        // What follows is the same in all programs.
        help.split("\nKafka:\n").next().unwrap().to_owned()
    };
    insta::assert_snapshot!("help", ["run", "request", "watch", "load"].map(help).join("\n----\n"));
}
