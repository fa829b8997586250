//! The consumer's flags, and how they become settings.

use clap::Parser;
use event_log::{ChunkLimits, GroupArgs, KafkaArgs};
use orders::{Partition, Position};
use schema_registry::{SchemaLookup, SchemaRegistryArgs};
use service::settings::{Invalid, MetricsArgs, ShellArgs, whole_number};
use views::apply::Codec;
use views::gaps::Gap;
use views::{DatabaseArgs, SynchronousCommit};

use crate::cli::Command;
use crate::settings::Settings;

/// Applies the order events of a Kafka topic to PostgreSQL tables.
///
/// Rows and positions commit in one transaction; Kafka's group offsets follow it as a hint
/// for lag tools. Consumers of one group share the partitions among them.
///
/// With a command, it does not join the group. It shows dead letters or decides about them,
/// and exits. The flags of this page go before the command.
#[derive(Parser, Debug)]
#[command(name = "consumer", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub group: GroupArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub schema_registry: SchemaRegistryArgs,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub shell: ShellArgs,

    /// The name of this consumer among those of its group, 1 to 64 characters: Kafka's client id, and in the
    /// column `owner` of the positions
    #[arg(long, env = "CONSUMER_NAME", value_name = "NAME")]
    pub name: Option<String>,

    /// End with 0 once the end offsets seen at the start are applied, by any member of
    /// the group
    #[arg(long)]
    pub until_caught_up: bool,

    /// Lanes, 1 to 16: database connections that write at the same time. Partition p goes to
    /// lane p modulo this number
    #[arg(long, env = "LANES", value_name = "N", default_value = "2")]
    pub lanes: String,

    /// Maximum number of records in one transaction, 1 to 1000000; while little arrives, one record is enough for a
    /// transaction
    #[arg(long, env = "BATCH_RECORDS", value_name = "N", default_value = "20000")]
    pub batch_records: String,

    /// Largest record in bytes, its key and headers included; a larger one becomes a dead letter, which a retry with a
    /// higher limit can apply
    #[arg(long, env = "MAX_RECORD_BYTES", value_name = "BYTES", default_value = "1000000")]
    pub max_record_bytes: String,

    /// Go on even if more than half of the last 1000 records, and at least 100, became dead letters
    #[arg(long)]
    pub no_breaker: bool,

    /// Skip records that the log lost before they were applied, such as 0=120..350: offsets 120 to
    /// 349 of partition 0. Recorded as a decision. Can be given several times
    #[arg(long, value_name = "PARTITION=FROM..TO")]
    pub accept_gap: Vec<String>,

    /// Start although the records that were applied last, which show whether the log is still the same one, do not
    /// arrive within 5 s
    #[arg(long)]
    pub accept_unverified_log: bool,

    /// Let the group, which belongs to another database, follow this one from now on. The consumers of the other
    /// database must have ended
    #[arg(long)]
    pub take_over_group: bool,

    /// on: a commit waits for the disk. off: what the database loses in a crash is read from
    /// the log again
    #[arg(long, env = "SYNCHRONOUS_COMMIT", value_name = "on|off", default_value = "off")]
    pub synchronous_commit: String,
}

impl Args {
    pub fn validate(&self) -> Result<Settings, Invalid> {
        let group = self.group.validate()?;
        let mut kafka = self.kafka.validate()?.of_group(&group);
        let name = self.name.as_deref().map(name).transpose()?;
        if let Some(name) = &name {
            // First, so that a client id among the user's properties takes precedence.
            kafka.properties.insert(0, ("client.id".to_owned(), name.clone().into()));
        }
        let records = whole_number("BATCH_RECORDS", &self.batch_records, 1, 1_000_000)? as usize;
        let database = self.database.validate()?;
        let codec = Codec::validate(&kafka.topic, &self.max_record_bytes)?;
        Ok(Settings {
            schemas: SchemaLookup::new(&codec.schemas, &database, self.schema_registry.validate()?),
            codec,
            kafka,
            group,
            name,
            database,
            metrics_listen: self.metrics.validate()?,
            until_caught_up: self.until_caught_up,
            lanes: whole_number("LANES", &self.lanes, 1, 16)? as usize,
            has_breaker: !self.no_breaker,
            accepted_gaps: self.accept_gap.iter().map(|text| gap(text)).collect::<Result<_, _>>()?,
            accepts_unverified_log: self.accept_unverified_log,
            takes_over_group: self.take_over_group,
            limits: ChunkLimits { records, ..ChunkLimits::default() },
            synchronous_commit: synchronous_commit(&self.synchronous_commit)?,
        })
    }
}

fn name(text: &str) -> Result<String, Invalid> {
    let name = text.trim();
    if (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Invalid::new("CONSUMER_NAME", "must have 1 to 64 characters, none of them a control character"))
}

fn synchronous_commit(text: &str) -> Result<SynchronousCommit, Invalid> {
    match text.trim() {
        "on" => Ok(SynchronousCommit::On),
        "off" => Ok(SynchronousCommit::Off),
        other => Err(Invalid::new("SYNCHRONOUS_COMMIT", format!("is {other:?}; it must be on or off"))),
    }
}

fn gap(text: &str) -> Result<Gap, Invalid> {
    let parsed = || {
        let (partition, offsets) = text.split_once('=')?;
        let (from, to) = offsets.split_once("..")?;
        let gap = Gap {
            partition: Partition(partition.trim().parse().ok()?),
            from: Position(from.trim().parse().ok()?),
            to: Position(to.trim().parse().ok()?),
        };
        (gap.partition.0 >= 0 && gap.from.0 >= 0 && gap.from < gap.to).then_some(gap)
    };
    parsed().ok_or_else(|| {
        Invalid::new(
            "--accept-gap",
            format!("is {text:?}; it must be PARTITION=FROM..TO, such as 0=120..350 for offsets 120 to 349"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_client_id_unless_a_property_sets_that() {
        let settings = |more: &[&str]| {
            let given = ["consumer", "--name", " C1 "].iter().chain(more);
            Args::parse_from(given).validate().unwrap()
        };
        let client_id = |settings: &Settings| {
            settings.kafka.client_config("consumer").get("client.id").map(str::to_owned)
        };
        let named = settings(&[]);
        assert_eq!((named.name.as_deref(), client_id(&named).as_deref()), (Some("C1"), Some("C1")));
        let other = settings(&["--kafka-properties", "client.id=mine"]);
        assert_eq!(client_id(&other).as_deref(), Some("mine"));
        for wrong in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_gap_is_a_partition_and_two_offsets() {
        let expected = Gap { partition: Partition(1), from: Position(0), to: Position(7) };
        assert_eq!(gap("1=0..7"), Ok(expected));
        for text in ["", "1", "1=7", "1=7..7", "1=9..7", "-1=0..7", "1=-1..7", "a=0..7"] {
            assert!(gap(text).is_err(), "{text}");
        }
    }
}
