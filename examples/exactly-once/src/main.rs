//! Shows what makes a pipeline exactly-once in effect, one scene at a time, on a real Kafka and a real PostgreSQL. See
//! `exactly-once --help` and docs/exactly-once.md.

mod commit_order;
mod handler;
mod kafka;
mod lossy_proxy;
mod lost_answer;
mod sink;
mod transactions;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use service::{Exit, Failure, ShellArgs};

use crate::handler::Order;
use crate::kafka::Kafka;

/// Shows what makes a pipeline exactly-once in effect, on a real Kafka and a real PostgreSQL.
///
/// Each scene makes topics and a database of its own and removes them at its end. `./food-orders up` starts servers.
#[derive(Debug, Parser)]
#[command(name = "exactly-once", version)]
struct Args {
    #[command(subcommand)]
    scene: Scene,

    /// host:port of Kafka
    #[arg(
        long,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        value_name = "HOST:PORT",
        default_value = "localhost:9092",
        global = true
    )]
    kafka_bootstrap_servers: String,

    /// Where PostgreSQL is, with a user who may create databases
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "postgres://kafka_user:kafka_password@localhost:5432/food_orders",
        hide_env_values = true,
        global = true
    )]
    database_url: String,

    #[command(flatten)]
    shell: ShellArgs,
}

#[derive(Debug, Subcommand)]
enum Scene {
    /// The answer to a send is lost, and the producer sends again: with and without idempotence
    LostAnswer,
    /// One transaction is aborted and one committed: what two kinds of readers see
    Transactions,
    /// A consumer is killed between its two steps, in three orders of the steps
    CommitOrder,
    /// The consumer of that scene
    #[command(hide = true)]
    Handle {
        order: Order,
        topic: String,
        /// Stop before the second step for this record, until the process is killed
        #[arg(long)]
        pause_at: Option<i64>,
    },
}

fn main() -> ExitCode {
    service::run(
        |args: &Args| &args.shell,
        async |args, shell| {
            let kafka = Kafka(args.kafka_bootstrap_servers);
            let scene = async {
                match args.scene {
                    Scene::LostAnswer => lost_answer::show(&kafka).await,
                    Scene::Transactions => transactions::show(&kafka).await,
                    Scene::CommitOrder => commit_order::show(&kafka, &args.database_url).await,
                    Scene::Handle { order, topic, pause_at } => {
                        handler::handle(&kafka, &args.database_url, order, &topic, pause_at).await
                    }
                }
            };
            let done = shell.stop.run_until_cancelled(scene).await;
            done.unwrap_or_else(|| Err(shell.interrupted("topics and databases of the scene may be left")))
        },
    )
}

/// Errors of the scenes end the program with their text.
type Result<T> = std::result::Result<T, Failure>;

fn failed(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Unexpected, message)
}
