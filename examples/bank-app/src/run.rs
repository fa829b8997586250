//! `bank-app run`: consume, transform, produce, one transaction after another.

mod worker;

use service::{Failure, Shell};

use crate::args::RunSettings;
use crate::place::Place;
use worker::Worker;

pub async fn run(place: Place, settings: RunSettings, shell: Shell) -> Result<(), Failure> {
    let ensured = shell.stop.run_until_cancelled(place.ensure_topics(settings.partitions)).await;
    let Some(partitions) = ensured else { return Ok(()) };
    let partitions = partitions?;
    tracing::info!(instance = settings.instance, group = place.group(), partitions, "starting");
    let runtime = tokio::runtime::Handle::current();
    // The Kafka clients block, so they have a thread of their own.
    let work = tokio::task::spawn_blocking(move || {
        Worker::join(place, &settings, partitions, shell, runtime)?.work()
    });
    work.await?
}
