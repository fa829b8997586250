//! Which consumer has each partition, and how far it is: from the position rows and from the API.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;

use super::http;
use super::state::State;
use crate::error::{Attempt, Error, Result};
use crate::sql::sql_client;

/// What is known about one partition.
#[derive(Debug, Default, Clone)]
pub struct Progress {
    /// The name of the consumer that claimed the partition last.
    pub consumer: Option<String>,
    pub position: Option<i64>,
    pub end: Option<i64>,
    pub lag: Option<i64>,
}

impl Progress {
    /// The API may have read the end some seconds before the position was read. A partition ends no earlier than where
    /// it was applied.
    fn ends_at(&mut self, end: i64) {
        let end = self.position.map_or(end, |position| end.max(position));
        self.end = Some(end);
        self.lag = self.position.map(|position| end - position);
    }
}

pub type ByPartition = BTreeMap<i32, Progress>;

#[derive(Deserialize)]
struct Lag {
    views: Vec<ViewLag>,
}

#[derive(Deserialize)]
struct ViewLag {
    partitions: Vec<PartitionLag>,
}

#[derive(Deserialize)]
struct PartitionLag {
    partition: i32,
    end: Option<i64>,
}

/// Empty where the servers or the API do not answer.
pub fn ask(state: &State) -> ByPartition {
    let mut known = positions(state).unwrap_or_default();
    let api = state.services.iter().find(|service| service.name == "api").map(|api| api.health);
    for (partition, end) in api.map(ends).unwrap_or_default() {
        known.entry(partition).or_default().ends_at(end);
    }
    known
}

/// The ends that the API has read within the last seconds.
fn ends(api: SocketAddr) -> BTreeMap<i32, i64> {
    let body = http::get(api, "/lag").filter(|answer| answer.code == 200).map(|answer| answer.body);
    let lag = body.and_then(|body| serde_json::from_str::<Lag>(&body).ok());
    let partitions = lag.into_iter().flat_map(|lag| lag.views).take(1).flat_map(|view| view.partitions);
    partitions.filter_map(|one| Some((one.partition, one.end?))).collect()
}

fn positions(state: &State) -> Result<ByPartition> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.attempt("setting up a runtime")?.block_on(async {
        let client = sql_client(&state.postgres.address, None).await?;
        let rows = client
            .query(
                "/* local_stack::status */ SELECT partition, next_offset, owner FROM public.positions WHERE view = 'orders'",
                &[],
            )
            .await
            .map_err(|cause| Error::Database { attempt: "reading the positions".to_owned(), cause })?;
        let known = rows.iter().map(|row| {
            let consumer = row.get::<_, Option<&str>>(2).and_then(|owner| consumer_name(state, owner));
            (row.get(0), Progress { consumer, position: Some(row.get(1)), ..Progress::default() })
        });
        Ok(known.collect())
    })
}

/// An owner is called GROUP/NAME/ID, or GROUP/ID where the consumer was given no name.
fn consumer_name(state: &State, owner: &str) -> Option<String> {
    let name = owner.rsplit('/').nth(1)?;
    let is_service = |name: &str| state.services.iter().any(|service| service.name == name);
    if is_service(name) {
        Some(name.to_owned())
    } else {
        is_service("consumer").then(|| "consumer".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_ends_no_earlier_than_its_position() {
        for (position, end, shown) in
            [(Some(5), 8, (Some(8), Some(3))), (Some(9), 8, (Some(9), Some(0))), (None, 8, (Some(8), None))]
        {
            let mut progress = Progress { position, ..Progress::default() };
            progress.ends_at(end);
            assert_eq!((progress.end, progress.lag), shown);
        }
    }
}
