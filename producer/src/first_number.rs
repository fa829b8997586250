//! The number of the first order of a run.

use std::thread::sleep;
use std::time::Duration;

use event_log::LogClient;
use retry::Backoff;

const REQUEST_LIMIT: Duration = Duration::from_secs(10);
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// A number that no earlier run on this topic can have used. Every order has at least one event, so there were
/// no more orders than records that the topic has ever held.
pub fn first_free_number(client: &LogClient) -> event_log::Result<u64> {
    let mut backoff = Backoff::default();
    let ends = loop {
        match client.offset_ranges(REQUEST_LIMIT) {
            // Not every broker knows a topic yet that was created a moment ago.
            Err(error) if error.is_passing() && backoff.failing_for() < GIVE_UP_AFTER => {
                sleep(backoff.next_pause());
            }
            ends => break ends?,
        }
    };
    let records: i64 = ends.values().map(|range| range.end_offset.0).sum();
    Ok(u64::try_from(records).unwrap_or_default() + 1)
}
