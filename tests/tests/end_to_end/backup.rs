//! Backup and restore with the commands of docs/operations.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::harness::{
    GIVE_UP_AFTER, Launch, NewRecord, OwnServer, Program, Stage, Tool, binary, eventually, free_address, raw,
    repository, scrape,
};
use local_stack::{Postgres, TestServers, sql_client};
use tempfile::TempDir;

/// The oldest version that food-orders supports.
const OLDEST: u32 = 15;
/// Exit code: the log is another one.
const LOG_IDENTITY: i32 = 3;

/// The commands of a section of the page.
fn commands_of(section: &str) -> Vec<String> {
    let page = std::fs::read_to_string(repository("docs/operations.md")).unwrap();
    let lines = page.lines().skip_while(|line| *line != section).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('#'));
    let commands: Vec<_> = lines.filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect();
    assert!(!commands.is_empty(), "docs/operations.md has no commands in {section}");
    commands
}

/// The folder of an installed PostgreSQL with pg_dump, which the fetched one lacks. pg_dump reads servers of its own
/// version and of older ones, so the server that is backed up comes from there, too.
fn installed(newest: u32) -> PathBuf {
    let major = |bin: &Path| {
        let printed = Command::new(bin.join("postgres")).arg("--version").output().ok()?.stdout;
        let version = String::from_utf8(printed).ok()?.split_whitespace().nth(2)?.to_owned();
        version.split('.').next()?.parse::<u32>().ok()
    };
    let given = std::env::var_os("FOOD_ORDERS_PG_BIN").map(PathBuf::from);
    let of_debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = given.into_iter().chain(of_debian.map(|entry| entry.unwrap().path().join("bin")));
    let usable = folders.chain(["/usr/bin".into()]).filter(|bin| {
        ["initdb", "pg_dump", "pg_restore"].iter().all(|program| bin.join(program).exists())
            && major(bin).is_some_and(|major| (OLDEST..=newest).contains(&major))
    });
    usable.into_iter().next().unwrap_or_else(|| {
        panic!("no PostgreSQL {OLDEST} to {newest} with pg_dump is installed (Debian: apt-get install postgresql)")
    })
}

/// The server that is backed up, and a Kafka that is another cluster than that of the tests.
struct Old {
    _program: Program,
    _folder: TempDir,
    postgres: String,
    kafka: String,
}

impl Old {
    async fn start(bin: &Path) -> Self {
        // PostgreSQL's account has to be able to enter it.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(readable).tempdir().unwrap();
        let mut program = Launch::new("local-stack", folder.path().join("run.log"))
            .env("FOOD_ORDERS_PG_BIN", bin)
            .env("FOOD_ORDERS_DATA_DIR", folder.path().join("data"))
            .args("run --kafka-port 0 --kafka-heap-mib 256 --postgres-port 0 --postgres-setting fsync=off")
            .start();
        program.wait_for_log("ready kafka=", 2 * GIVE_UP_AFTER).await;
        let log = program.log();
        let address = |name: &str| {
            let words = log.split_whitespace();
            words.filter_map(|word| word.strip_prefix(name)).next_back().unwrap().to_owned()
        };
        Self { postgres: address("postgres="), kafka: address("kafka="), _program: program, _folder: folder }
    }
}

/// The URL of a role and a database on the server of another URL. Passwords are the names of the roles.
fn url_of(role: &str, database: &str, on: &str) -> String {
    let (_, server) = on.rsplit_once('@').unwrap();
    let (address, _) = server.split_once('/').unwrap();
    format!("postgres://{role}:{role}@{address}/{database}")
}

/// Runs a command of the page, with the programs of this PostgreSQL and ours.
fn run(command: &str, bin: &Path, database_url: &str) -> Tool {
    let (ours, path) = (binary("consumer"), std::env::var("PATH").unwrap());
    let path = format!("{}:{}:{path}", bin.display(), ours.parent().unwrap().display());
    Tool::new("bash")
        .args(["-c", &format!("cd '{}' && {command}", repository("").display())])
        .env("PATH", path)
        .env("LOG_LEVEL", "error")
        .env("DATABASE_URL", database_url)
}

async fn grant_rights(command: &str, bin: &Path, server: &str, owner: &str) {
    run(&format!("{command} --set owner={owner} --set database={owner}"), bin, "").succeed();
    let superuser = sql_client(server, None).await.unwrap();
    superuser.batch_execute(&format!("ALTER ROLE {owner} PASSWORD '{owner}'")).await.unwrap();
}

fn in_partition(partition: i32, value: &str) -> NewRecord {
    NewRecord { partition: Some(partition), ..raw(value) }
}

/// Two dead letters at the beginning of partition 0, one of which is discarded, and some orders.
async fn fill(stage: &Stage) {
    stage.create_topic(4).await;
    stage.send(vec![in_partition(0, "no event"), in_partition(0, "no event either")]).await;
    stage.produce("--orders 200 --start-at-id 1 --seed 8 --duplicate-share 0.1").await;
    let consumer = stage.consumer();
    let (sql, ends) = (stage.sql().await, stage.ends().await);
    eventually("all records are applied", GIVE_UP_AFTER, async || {
        (stage.positions(&sql).await == ends).then_some(())
    })
    .await;
    stage.program("consumer").args("dead-letters discard 0-0 --reason nonsense").succeed(GIVE_UP_AFTER).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);
}

/// How many records a consumer has applied since its start.
async fn applied(address: &str) -> i64 {
    let text = scrape(address, &["\nfood_orders_records_applied_total "]).await;
    let value = text.lines().find_map(|line| line.strip_prefix("food_orders_records_applied_total "));
    value.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_backup_is_restored_on_a_newer_server_without_its_roles() {
    let new: OwnServer<Postgres> = OwnServer::postgres(&[]);
    let newest = new.version().split('.').next().unwrap().parse().unwrap();
    let bin = installed(newest);
    let old = Old::start(&bin).await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("food-orders.dump");
    let decisions = folder.path().join("decisions.jsonl");
    let here = |command: &str| {
        command
            .replace("food-orders.dump", &dump.display().to_string())
            .replace("decisions.jsonl", &decisions.display().to_string())
            .replace("postgres://ADMIN@NEW/postgres", &new.url())
            .replace(
                "food_orders@NEW/food_orders",
                url_of("shop", "shop", &new.url()).trim_start_matches("postgres://"),
            )
    };

    // The old server.
    let rights = commands_of("### PostgreSQL")[0].replace("postgres://ADMIN@HOST/postgres", &old.postgres);
    grant_rights(&rights, &bin, &old.postgres, "food_orders_old").await;
    let stage = Stage::with_database(url_of("food_orders_old", "food_orders_old", &old.postgres)).await;
    fill(&stage).await;
    for command in commands_of("### Back up") {
        run(&here(&command), &bin, &stage.database_url).succeed();
    }
    let exported = std::fs::read_to_string(&decisions).unwrap();
    assert_eq!(exported.lines().count(), 1, "{exported}");
    let length = stage.log_length().await;
    stage.produce("--orders 300 --start-at-id 101 --seed 9").await;

    // The new one, whose owner has another name.
    let restore = commands_of("### Restore on another server");
    let [first, pg_restore, again] = restore.as_slice() else { panic!("{restore:?}") };
    grant_rights(&here(first), &bin, &new.url(), "shop").await;
    let with_owners = here(pg_restore).replace("--no-owner ", "");
    let refused = run(&with_owners, &bin, "").fail();
    assert!(refused.contains("role \"food_orders_old\" does not exist"), "{refused}");
    run(&here(pg_restore), &bin, "").succeed();
    let stage = stage.with_other_database(&url_of("shop", "shop", &new.url()));
    let superuser = sql_client(&new.url(), None).await.unwrap();
    superuser
        .batch_execute("CREATE ROLE analyst LOGIN PASSWORD 'analyst' IN ROLE food_orders_reader")
        .await
        .unwrap();
    let reader = sql_client(&url_of("analyst", "shop", &new.url()), None).await.unwrap();
    reader.query("SELECT FROM public.orders", &[]).await.expect_err("--no-acl leaves the grants out");
    grant_rights(&here(again), &bin, &new.url(), "shop").await;
    assert_eq!(reader.query("SELECT FROM public.orders", &[]).await.unwrap().len(), 200);

    // It goes on from its positions.
    let address = free_address();
    let consumer = stage.program("consumer").env("METRICS_LISTEN", &address).start();
    let api = stage.api().await;
    stage.check_with(&api, 20).await;
    let rest = stage.log_length().await - length;
    // A batch is counted after its commit.
    let counted = eventually("the records are counted", GIVE_UP_AFTER, async || {
        Some(applied(&address).await).filter(|count| *count >= rest)
    });
    assert_eq!(counted.await, rest);
    let again = run("consumer decisions export", &bin, &stage.database_url).succeed();
    assert_eq!(again, exported);
    stage.program("replay-rebuild").succeed(2 * GIVE_UP_AFTER).await;
    stage.check_with(&api, 20).await;
    assert_eq!(consumer.terminate(GIVE_UP_AFTER).await, 0);

    another_cluster(&stage, &old.kafka).await;
}

/// A topic of another cluster has the same name and the same events.
async fn another_cluster(stage: &Stage, kafka: &str) {
    let at = |database: &str| {
        let mut other = Stage::on(kafka.to_owned(), stage.kafka.topic.clone(), database.to_owned());
        other.group.clone_from(&stage.group);
        other
    };
    let other = at(&stage.database_url);
    other.create_topic(4).await;
    other.produce("--orders 400 --start-at-id 1 --seed 8").await;
    for program in ["consumer", "replay-rebuild"] {
        let mut refused = other.program(program).start();
        assert_eq!(refused.exit_code(GIVE_UP_AFTER).await, LOG_IDENTITY, "{}", refused.log());
        assert!(refused.log().contains("another log"), "{}", refused.log());
    }
    let empty = TestServers::shared().await.unwrap().fresh_database().await.unwrap();
    let other = at(&empty);
    other.catch_up().await;
    other.check().await;
}
