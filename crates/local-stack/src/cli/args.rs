//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs a real Apache Kafka and a real PostgreSQL without Docker, and food-orders on top of them.
#[derive(Debug, Parser)]
#[command(name = "local-stack", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start Kafka, PostgreSQL, consumer, api and a demo producer; Ctrl-C stops them in good order.
    Up(Up),
    /// Start Kafka and PostgreSQL only, until Ctrl-C or SIGTERM.
    Run(Run),
    /// Start fresh servers on free ports, run a command that finds them in its environment, and throw their data away.
    Exec(Exec),
    /// Stop what `up` or `run` has started.
    Down {
        #[command(flatten)]
        folder: Folder,
    },
    /// Stop it and delete its data.
    Reset {
        #[command(flatten)]
        folder: Folder,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Say what runs where. Exit code 1 if nothing does.
    Status {
        #[command(flatten)]
        folder: Folder,
    },
    /// Run one of Kafka's command line tools. Without a name: list them.
    Kafka {
        #[command(flatten)]
        folder: Folder,
        /// Such as console-consumer, topics, consumer-groups.
        tool: Option<String>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Open psql on the database.
    Psql {
        #[command(flatten)]
        folder: Folder,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub struct Folder {
    /// Where data, logs and the state of a running stack are kept.
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
    /// Kafka's port; 0 takes a free one.
    #[arg(long, env = "FOOD_ORDERS_KAFKA_PORT", value_name = "PORT", default_value_t = 9092)]
    pub kafka_port: u16,
    /// Kafka's heap.
    #[arg(long, env = "FOOD_ORDERS_KAFKA_HEAP_MIB", value_name = "MIB", default_value_t = 512)]
    pub kafka_heap_mib: u32,
    /// PostgreSQL's port; 0 takes a free one.
    #[arg(long, env = "FOOD_ORDERS_POSTGRES_PORT", value_name = "PORT", default_value_t = 5432)]
    pub postgres_port: u16,
    #[command(flatten)]
    pub extra: ExtraSettings,
}

#[derive(Debug, Args)]
pub struct ExtraSettings {
    /// A setting for PostgreSQL, as in postgresql.conf. Can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub postgres_setting: Vec<(String, String)>,
    /// A setting for Kafka, as in server.properties. Can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub kafka_setting: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub servers: Servers,
    /// Stop when the standard input is closed, as it is when the program that started this one ends.
    #[arg(long)]
    pub while_stdin_open: bool,
}

#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub servers: Servers,
    /// Where the HTTP API listens.
    #[arg(long, env = "API_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub api_listen: std::net::SocketAddr,
    /// How many consumers share the topic's partitions.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub consumers: u16,
    /// Events per second of the demo producer.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub rate: u32,
    /// How many orders the demo producer makes; 0 never ends.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub orders: u64,
    /// Start no demo producer.
    #[arg(long)]
    pub no_producer: bool,
}

#[derive(Debug, Args)]
pub struct Exec {
    /// Kafka's heap.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub kafka_heap_mib: u32,
    /// PostgreSQL does not wait for the disk: for tests, not for measurements.
    #[arg(long)]
    pub no_fsync: bool,
    #[command(flatten)]
    pub extra: ExtraSettings,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to be NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
