//! What Prometheus reads from a program.

use std::fmt::Debug;

use super::{GIVE_UP_AFTER, eventually};

/// What a program exports at `/metrics` once all these texts are in it.
pub async fn scrape(address: &str, awaited: &[impl AsRef<str> + Debug]) -> String {
    let url = format!("http://{address}/metrics");
    eventually(&format!("{url} has {awaited:?}"), GIVE_UP_AFTER, async || {
        let text = reqwest::get(&url).await.ok()?.error_for_status().ok()?.text().await.ok()?;
        awaited.iter().all(|one| text.contains(one.as_ref())).then_some(text)
    })
    .await
}
