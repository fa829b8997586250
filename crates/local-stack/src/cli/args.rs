//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::error::UsageError;
use crate::kafka_mode::{KafkaMode, MODE_VARIABLE};

/// Runs a real Apache Kafka and a real PostgreSQL without Docker, and food-orders on top of them.
#[derive(Debug, Parser)]
#[command(name = "local-stack", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Kafka, PostgreSQL, the consumer, the API and a demo producer; Ctrl-C shuts them down in order.
    Up(Up),
    /// Start Kafka and PostgreSQL only, and run them until Ctrl-C or SIGTERM.
    Run(Run),
    /// Start fresh servers on free ports, run a command with their addresses in its environment, and delete
    /// their data.
    Exec(Exec),
    /// Stop what `up` or `run` has started; the data stays.
    Down {
        #[command(flatten)]
        folder: Folder,
    },
    /// Stop what runs, and delete all data, Kafka's log included.
    Reset {
        #[command(flatten)]
        folder: Folder,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Show what runs, and on which ports. The exit code is 1 if nothing runs.
    Status {
        #[command(flatten)]
        folder: Folder,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Run one of Kafka's command-line tools, or list them. `kafka topics --help` shows the help of a tool.
    #[command(disable_help_flag = true)]
    Kafka(Passed),
    /// Open psql on the running database.
    #[command(disable_help_flag = true)]
    Psql(Passed),
    /// Run replay-rebuild on the running stack: rebuild --help shows its flags.
    #[command(disable_help_flag = true)]
    Rebuild(Passed),
}

/// The arguments of another program, its --help included.
#[derive(Debug, Args)]
pub struct Passed {
    #[command(flatten)]
    pub folder: Folder,
    /// Arguments for the other program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

impl Passed {
    /// Whether the other program only describes itself, for which nothing has to run. `short`: its short flags for that.
    pub fn asks_for_help(&self, short: &[&str]) -> bool {
        let mut flags = ["--help", "--version"].iter().chain(short);
        flags.any(|flag| self.arguments.iter().any(|argument| argument == flag))
    }
}

#[derive(Debug, Args)]
pub struct Folder {
    /// The folder for data, logs and the state of what runs.
    #[arg(
        long = "data-dir",
        env = "FOOD_ORDERS_DATA_DIR",
        value_name = "FOLDER",
        default_value = ".food-orders"
    )]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct Servers {
    /// Where Kafka keeps its metadata. Data belongs to the mode that it was made in.
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub kafka: KafkaMode,
    /// How many Kafka brokers form the cluster: 1, 3 or 5. Data belongs to the number that it was made with.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = brokers)]
    pub brokers: u16,
    /// Kafka's port; 0 for a free one. Several brokers take the ports that follow it, too.
    #[arg(long, env = "FOOD_ORDERS_KAFKA_PORT", value_name = "PORT", default_value_t = 9092)]
    pub kafka_port: u16,
    /// ZooKeeper's port, with --kafka zookeeper; 0 for a free one.
    #[arg(long, env = "FOOD_ORDERS_ZOOKEEPER_PORT", value_name = "PORT", default_value_t = 2181)]
    pub zookeeper_port: u16,
    /// The heap of each broker in MiB; without it 512, or 320 for each of several.
    #[arg(long, env = "FOOD_ORDERS_KAFKA_HEAP_MIB", value_name = "MIB")]
    pub kafka_heap_mib: Option<u32>,
    /// PostgreSQL's port; 0 for a free one.
    #[arg(long, env = "FOOD_ORDERS_POSTGRES_PORT", value_name = "PORT", default_value_t = 5432)]
    pub postgres_port: u16,
    /// Start a schema registry as well (Apicurio Registry), and let all programs use it.
    #[arg(long)]
    pub registry: bool,
    /// The registry's port; 0 for a free one.
    #[arg(long, env = "FOOD_ORDERS_REGISTRY_PORT", value_name = "PORT", default_value_t = 8081)]
    pub registry_port: u16,
    #[command(flatten)]
    pub extra: ExtraSettings,
}

#[derive(Debug, Args)]
pub struct ExtraSettings {
    /// A setting for PostgreSQL, as in postgresql.conf. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub postgres_setting: Vec<(String, String)>,
    /// A setting for Kafka, as in server.properties. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub kafka_setting: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub servers: Servers,
    /// Stop when the standard input is closed, which happens when the program that started this one ends.
    #[arg(long)]
    pub while_stdin_open: bool,
}

#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub servers: Servers,
    /// The address on which the HTTP API listens; port 0 for a free one.
    #[arg(long, env = "API_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub api_listen: std::net::SocketAddr,
    /// How many consumers share the topic's partitions; several are called C1, C2 and so on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub consumers: u16,
    /// Events per second of the demo producer.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rate: u32,
    /// How many orders the demo producer creates before it ends; 0 for no end.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub orders: u64,
    /// Form of the demo producer's events: json, or with --registry also json-schema and avro, which is the default then.
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "json-schema", "avro"], requires = "registry")]
    pub format: Option<String>,
    /// Start no demo producer.
    #[arg(long)]
    pub no_producer: bool,
}

#[derive(Debug, Args)]
pub struct Exec {
    /// Where Kafka keeps its metadata.
    #[arg(long, env = MODE_VARIABLE, value_name = "MODE", value_enum, default_value_t)]
    pub kafka: KafkaMode,
    /// Kafka's heap in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub kafka_heap_mib: u32,
    /// Run PostgreSQL without waiting for the disk: for tests, not for measurements.
    #[arg(long)]
    pub no_fsync: bool,
    #[command(flatten)]
    pub extra: ExtraSettings,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

/// An even number is refused: a cluster of four brokers survives the loss of one, just as a cluster of three does.
fn brokers(text: &str) -> Result<u16, UsageError> {
    match text.parse() {
        Ok(number @ (1 | 3 | 5)) => Ok(number),
        _ => Err(UsageError::NotANumberOfBrokers),
    }
}

fn setting(text: &str) -> Result<(String, String), UsageError> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(UsageError::NotASetting),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_of_another_program_is_left_to_it() {
        let passed = |line: &str| match Arguments::try_parse_from(line.split(' ')).unwrap().command {
            Command::Kafka(passed) | Command::Psql(passed) | Command::Rebuild(passed) => passed,
            other => panic!("{other:?}"),
        };
        for (line, arguments) in [
            ("local-stack kafka topics --help", &["topics", "--help"][..]),
            ("local-stack kafka --data-dir x topics --list", &["topics", "--list"]),
            ("local-stack kafka --help", &["--help"]),
            ("local-stack psql -c 1 -h x", &["-c", "1", "-h", "x"]),
            ("local-stack rebuild --dry-run --help", &["--dry-run", "--help"]),
        ] {
            assert_eq!(passed(line).arguments, arguments, "{line}");
        }
        assert!(passed("local-stack rebuild -h").asks_for_help(&["-h"]));
        assert!(passed("local-stack psql --help").asks_for_help(&[]));
        assert!(!passed("local-stack psql -h x").asks_for_help(&["-?"]), "a host");
    }

    #[test]
    fn a_cluster_has_an_odd_number_of_brokers() {
        assert_eq!(["1", "3", "5"].map(|text| brokers(text).unwrap()), [1, 3, 5]);
        for wrong in ["0", "2", "4", "7", "three", ""] {
            assert!(brokers(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_setting_has_a_name_and_may_contain_more_equals_signs() {
        assert_eq!(setting("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert_eq!(setting("a=").unwrap(), ("a".to_owned(), String::new()));
        for wrong in ["a", "=b", ""] {
            assert!(setting(wrong).is_err(), "{wrong:?}");
        }
    }
}
