//! The active build and its positions.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Transaction};

use super::{Differences, Error, Offsets};

/// Waits until the active build's positions have reached the end offsets, at most for `limit`.
pub async fn wait(client: &Client, ends: &Offsets, limit: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        // Not in a transaction, so that each query sees what has been committed since the last one.
        let build: String = client.query_one(ACTIVE_BUILD, &[]).await?.get(0);
        let positions: Offsets = rows(client.query(&positions_of(&build), &[]).await?);
        if ends.iter().all(|(partition, end)| positions.get(partition).copied().unwrap_or(0) >= *end) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

const ACTIVE_BUILD: &str = "/* oracle::active_build */ SELECT 'build_' || id FROM public.builds WHERE view = 'orders' AND state = 'active'";

/// The schema of the active build.
pub async fn active_build(tx: &Transaction<'_>) -> Result<String, Error> {
    Ok(tx.query_one(ACTIVE_BUILD, &[]).await?.get(0))
}

pub async fn read(tx: &Transaction<'_>, build: &str) -> Result<Offsets, Error> {
    Ok(rows(tx.query(&positions_of(build), &[]).await?))
}

fn positions_of(build: &str) -> String {
    format!(
        "/* oracle::positions */ SELECT partition, next_offset FROM {build}.positions WHERE view = 'orders'"
    )
}

fn rows(rows: Vec<tokio_postgres::Row>) -> Offsets {
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A position has to lie between the end offset before it was read and the one afterwards, which are equal
/// unless somebody writes.
pub fn compare(applied: &Offsets, before: &Offsets, after: &Offsets, differences: &mut Differences) {
    for (partition, end) in before {
        let position = applied.get(partition).copied().unwrap_or(0);
        if position < *end {
            differences.add("positions", format!("partition {partition}"), "next_offset", end, position);
        }
    }
    for (partition, position) in applied {
        let end = after.get(partition).copied().unwrap_or(0);
        if *position > end {
            differences.add(
                "positions",
                format!("partition {partition}"),
                "next_offset",
                format!("at most {end}"),
                position,
            );
        }
    }
}

/// The views in the schema `public` have to be those of the active build.
pub async fn compare_public_views(
    tx: &Transaction<'_>,
    build: &str,
    differences: &mut Differences,
) -> Result<(), Error> {
    for view in ["orders", "order_history", "positions", "dead_letters"] {
        let row = tx
            .query_opt(
                "/* oracle::public_views */ SELECT definition FROM pg_views WHERE schemaname = 'public' AND viewname = $1",
                &[&view],
            )
            .await?;
        let definition: String = row.map(|row| row.get(0)).unwrap_or_default();
        if !definition.contains(&format!("{build}.{view}")) {
            differences.add("public", view, "definition", format!("of {build}"), definition);
        }
    }
    Ok(())
}
